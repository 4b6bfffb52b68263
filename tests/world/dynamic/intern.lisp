;;; intern.lisp: path: MAIN > RUN: INTERN of a name made at run time
(defun cmd-add (a b) (+ a b))
(defun cmd-mul (a b) (* a b))
(defun run (name &rest arguments) (apply (intern (format nil "CMD-~A" (string-upcase name))) arguments))
(defun main () (print (run "add" 3 4)) (print (run "mul" 3 4)) (terpri))
