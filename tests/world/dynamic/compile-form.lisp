;;; compile-form.lisp: path: MAIN > ADDER: COMPILE
(defun adder (n) (compile nil (list 'lambda '(x) (list '+ 'x n))))
(defun main () (print (funcall (adder 3) 4)) (terpri))
