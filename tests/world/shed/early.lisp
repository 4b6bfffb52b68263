;;; early.lisp: a program without conditions: its first error brings them.
(defun broken (x) (car x))
(defun main ()
  (write-line "before")
  (let ((path (length ext:*command-line-arguments*)))
    (finish-output)
    (broken path)))
