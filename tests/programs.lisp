;;; programs.lisp: makes programs of the tests, to be run in ways that must not show (tools/deliver-matrix).
;;;
;;;     (cl-test::make-programs FILE FOLDER COUNT [STYLES])     behind harness.lisp
;;;
;;; The checks of FILE are parted into COUNT runs of the same length.  Of each is made a program FOLDER/<chapter>-<run>.lisp: the definitions that stand before or among
;;; its checks, and a function MAIN that evaluates the checks' forms and prints a record for each, which begins with @, its number and a space.  Checks whose numbers stand
;;; on the command line are left out.
;;; Programs of three styles alternate, since what a program prints and handles decides what it holds:
;;;
;;;     guarded    every form; an error is handled, its type and report are printed
;;;     printed    forms that have values; no handlers; values are printed
;;;     bare       forms that have one value; no handlers, no printer; it is compared with what is expected
;;;
(in-package "CL-TEST")

(defun slice-end (text start)
  "Where the form at START ends."
  (nth-value 1 (let ((*read-eval* t)) (read-from-string text t nil :start start :preserve-whitespace t))))

(defun file-slices (text)
  "A list of (FORM . SOURCE) of the file's forms, all of them evaluated that are no checks."
  (let ((slices '()) (position 0) (*line* 0))
    (loop
      (setq position (skip-blanks text position))
      (when (>= position (length text)) (return (nreverse slices)))
      (let* ((end (slice-end text position)) (form (read-from-string text t nil :start position)))
        (when (or (eq (car form) 'check) (ignore-errors (handler-bind ((warning #'muffle-warning)) (eval form)) t))
          (push (cons form (subseq text position end)) slices))
        (setq position end)))))

(defun checked-source (source)
  "Of the text of a check: the text of its form."
  (let ((start (skip-blanks source (+ (search "(check " source) (length "(check")))))
    (subseq source start (slice-end source start))))

(defun show-call (check n style)
  "The call of SHOW for a check."
  (format nil "(unless (member ~D *skipped*) (show ~D #'check-~D~@[ '~A~]))" n n n (and (eq style :bare) (prin1-to-string (fourth check)))))

(defun usable-p (form style)
  (and (compiles-p (second form))
       (or (eq style :guarded) (eq (third form) '=>))
       (or (not (eq style :bare)) (and (fourth form) (null (cddddr form))))))

(defparameter *prologues*
  '((:guarded . "(defun show (n function)
  (format t \"@~D ~{~S~^ ~}~%\" n
          (handler-case (multiple-value-list (funcall function))
            (serious-condition (c) (list (type-of c) (handler-case (princ-to-string c) (error () \"no report\")))))))")
    (:printed . "(defun show (n function)
  (write-char #\\@) (princ n)
  (dolist (value (multiple-value-list (funcall function))) (write-char #\\Space) (prin1 value))
  (terpri))")
    (:bare . "(defun show (n function expected)
  (write-char #\\@)
  (dotimes (i n) (write-char #\\#))
  (write-line (if (equal (funcall function) expected) \" as expected\" \" something else\")))")))

(defun write-program (name style slices checks)
  (with-open-file (out name :direction :output :if-exists :supersede)
    (format out "(defpackage \"CL-TEST\" (:use \"COMMON-LISP\" #+windfall \"WINDFALL\"))~%(in-package \"CL-TEST\")~%(defvar *home* *package*)~%(defvar *skipped* '())~%~A~%" (cdr (assoc style *prologues*)))
    (dolist (slice slices)
      (unless (eq (caar slice) 'check) (format out "~A~%" (cdr slice))))
    (let ((n 0))
      (dolist (slice checks)
        (when (usable-p (car slice) style)
          (format out "(defun check-~D () ~A~%)~%" (incf n) (checked-source (cdr slice)))))
      (format out "(defun main ()~%  (setq *skipped* (mapcar #'parse-integer ext:*command-line-arguments*))~%  (let ((*package* *home*) (*gensym-counter* 1000))~%")
      (setq n 0)
      (dolist (slice checks)
        (when (usable-p (car slice) style)
          (format out "    ~A~%" (show-call (car slice) (incf n) style))))
      (format out "    0))~%"))))

(defun program-name (folder name run)
  (format nil "~A~A-~D.lisp" folder (pathname-name name) run))

(defun make-programs (name folder count &optional (styles '(:guarded :printed :bare)))
  (let* ((*package* (find-package "CL-TEST")) (slices (file-slices (file-text name))) (total (count 'check slices :key #'caar)) (seen 0) (before '()) (checks '()) (run 0))
    (dolist (slice slices)
      (push slice before)
      (when (eq (caar slice) 'check)
        (push slice checks)
        (incf seen)
        (when (>= (* seen count) (* (1+ run) total))
          (write-program (program-name folder name run) (nth (mod run (length styles)) styles) (reverse before) (reverse checks))
          (incf run)
          (setq checks '()))))))
