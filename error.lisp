(defun f (x) (car x))
(defun main () (write-line "before") (f (length ext:*command-line-arguments*)))
