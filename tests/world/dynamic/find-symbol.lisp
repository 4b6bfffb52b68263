;;; find-symbol.lisp: path: MAIN > LOOKUP: FIND-SYMBOL
(defun hidden () "hidden function")
(defun lookup (text) (multiple-value-bind (symbol status) (find-symbol (string-upcase text)) (if status (funcall symbol) "nothing")))
(defun main () (write-line (lookup "hidden")) (write-line (lookup "never there")))
