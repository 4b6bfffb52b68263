;;; deliver-driver.lisp: makes a program of a file of tests (harness.lisp), to be delivered: its checks are compiled when this is loaded, its other forms evaluated, and MAIN
;;; prints what each check gives.  The file is the value of the environment variable TESTS.  tools/deliver-matrix compares what the program prints before and
;;; after delivery.
(load "tests/harness.lisp")
(in-package "CL-TEST")

(defvar *checks* '() "Conses of line and function.")

(defun note-form (form line)
  (cond ((not (and (consp form) (eq (car form) 'check)))
         (handler-case (handler-bind ((warning #'muffle-warning)) (let ((*standard-output* (make-broadcast-stream))) (eval form)))
           (serious-condition () nil)))
        ((compiles-p (second form))
         (push (cons line (handler-bind ((warning #'muffle-warning)) (compile nil `(lambda () ,(second form))))) *checks*))))

(defun note-text (text)
  (let ((position 0) (*line* 1))
    (loop
      (setq position (skip-blanks text position))
      (when (>= position (length text)) (return))
      (multiple-value-bind (form end) (read-from-string text t nil :start position)
        (note-form form *line*)
        (incf *line* (count #\Newline text :start position :end end))
        (setq position end)))))

(note-text (file-text (ext:getenv "TESTS")))
(setq *checks* (reverse *checks*))

(defun show-outcome (function)
  (handler-case (handler-bind ((warning #'muffle-warning))
                  (let ((values (multiple-value-list (funcall function))))
                    (dolist (value values) (write-char #\Space) (prin1 value))))
    (undefined-function (condition) (write-char #\Space) (princ condition))
    (serious-condition (condition) (write-char #\Space) (prin1 (type-of condition)))))

(defun main ()
  (dolist (check *checks*)
    (format t "~&~D:" (car check))
    (show-outcome (cdr check))
    (terpri)
    (finish-output)))
