;;;; report.lisp: the page about a delivered program: the template with the facts in it.
;;;;
;;;; The template, report.html, is taken in when the system is built (lisp/ORDER lists it).  It needs nothing but itself: script and style are in it, and it asks no network.
(in-package "SYS")

(defvar *library-texts*)
(defvar *report-template* (cdr (pop *library-texts*)) "The page, with @FACTS@ where the facts go and @TITLE@ where the program's name goes.")

(defun %escape-html (text)
  (with-output-to-string (out)
    (loop for c across text
          do (case c (#\< (write-string "&lt;" out)) (#\& (write-string "&amp;" out)) (#\" (write-string "&quot;" out)) (t (write-char c out))))))

(defun %write-report (facts pathname)
  (unless *report-template* (%delivery-error "This program was delivered: the page's template is not in it."))
  (with-open-file (out pathname :direction :output :if-exists :supersede :external-format :utf-8)
    (let ((start 0))
      (loop
        (let ((at (search "@" *report-template* :start2 start)))
          (write-string *report-template* out :start start :end at)
          (unless at (return))
          (setq start at)
          (cond ((eql (mismatch "@FACTS@" *report-template* :start2 at) 7) (%write-json (%json-facts facts) out) (incf start 7))
                ((eql (mismatch "@TITLE@" *report-template* :start2 at) 7) (write-string (%escape-html (%fact facts "program")) out) (incf start 7))
                (t (write-char #\@ out) (incf start))))))))
