;;; closure.lisp: path: MAIN > REGISTER > .LAMBDA .NAME..: INTERN
(defun hook-save () "saved") (defun hook-load () "loaded")
(defvar *hooks* '())
(defun register (prefix) (push (lambda (name) (funcall (intern (format nil "~A-~A" prefix name)))) *hooks*))
(defun main () (register "HOOK") (write-line (funcall (first *hooks*) "SAVE")) (write-line (funcall (first *hooks*) "LOAD")))
