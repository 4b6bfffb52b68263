;;; format-control.lisp: path: MAIN > SHOW: FORMAT
(defun show (letter x) (write-line (format nil (concatenate 'string "<~" letter ">") x)))
(defun main () (show "R" 42) (show "B" 5) (show ":@(~A~)" "up") (show "$" 3.14159))
