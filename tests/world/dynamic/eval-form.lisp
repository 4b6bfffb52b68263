;;; eval-form.lisp: path: MAIN: EVAL
(defun square (x) (* x x))
(defun main () (print (eval (list 'let (list (list 'y 5)) (list 'when t (list 'square 'y))))) (terpri))
