;;; read-stream.lisp: path: MAIN > COMMANDS: READ
(defvar *log* '())
(defun note (x) (push x *log*))
(defun commands (stream) (do ((form (read stream nil stream) (read stream nil stream))) ((eq form stream)) (apply (first form) (rest form))))
(defun main ()
  (commands (make-string-input-stream (format nil "(no~A 1) (no~:*~A 2)" "te")))
  (print (reverse *log*)) (terpri))
