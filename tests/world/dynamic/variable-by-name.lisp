;;; variable-by-name.lisp: path: MAIN > CONFIG: FIND-SYMBOL
(defvar *port* 8080)
(defparameter *host* "localhost")
(defun config (name) (symbol-value (find-symbol (format nil "*~:@(~A~)*" name))))
(defun main () (print (list (config "port") (config "host"))) (terpri))
