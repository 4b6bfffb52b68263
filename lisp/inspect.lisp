;;; inspect.lisp: INSPECT (CLHS 25.1.2): a walk through an object and its parts, by a dialogue on *QUERY-IO*.
;;;
;;; An object is shown with its parts, numbered.  A number goes into the part, U back up, Q or the end of the input ends the walk.

(in-package "SYS")

(defconstant %parts-shown 50 "So many parts of an object are listed; any of them can be chosen by its number.")

(defun %slot-parts (object)
  (mapcar (lambda (slot)
            (let ((name (slot-field slot name)))
              (cons name (if (slot-boundp object name) (slot-value object name) "(unbound)"))))
          (class-field (class-of object) slots)))

(defun %list-parts (list)
  "The elements, and what is behind the last one; a circular list's first cell only."
  (if (ignore-errors (list-length list))
      (let ((i -1)) (mapcar (lambda (x) (cons (incf i) x)) list))
      (list (cons 'car (car list)) (cons 'cdr (cdr list)))))

(defun %symbol-parts (symbol)
  (append (list (cons 'name (symbol-name symbol)) (cons 'package (symbol-package symbol)) (cons 'plist (symbol-plist symbol)))
          (if (boundp symbol) (list (cons 'value (symbol-value symbol))))
          (if (fboundp symbol) (list (cons 'function (fdefinition symbol))))
          (if (find-class symbol nil) (list (cons 'class (find-class symbol))))))

(defun %object-parts (object)
  "What the object consists of: a list of pairs of a label and a part."
  (cond ((null object) '())
        ((symbolp object) (%symbol-parts object))
        ((consp object) (%list-parts object))
        ((stringp object) '())
        ((arrayp object)
         (let ((parts '()))
           (dotimes (i (if (vectorp object) (length object) (array-total-size object)) (nreverse parts))
             (push (cons i (row-major-aref object i)) parts))))
        ((hash-table-p object)
         (let ((parts '()))
           (maphash (lambda (key value) (push (cons key value) parts)) object)
           (nreverse parts)))
        ((typep object '(or structure-object standard-object condition)) (%slot-parts object))
        (t '())))

(defun %show-object (object parts)
  (let ((*print-length* 10) (*print-level* 3) (i 0))
    (describe object *query-io*)
    (dolist (part parts)
      (when (eql i %parts-shown)
        (format *query-io* "... and ~D more~%" (- (length parts) i))
        (return))
      (format *query-io* "~3D  ~S: ~S~%" i (car part) (cdr part))
      (incf i))))

(defun inspect (object)
  "Show the object and its parts in a dialogue on *QUERY-IO*: a number goes into a part, U up, Q ends (CLHS INSPECT)."
  (let ((above '()))
    (loop
      (let ((parts (%object-parts object)))
        (%show-object object parts)
        (loop
          (format *query-io* "~&A number, U or Q: ")
          (finish-output *query-io*)
          (let ((word (string-trim " 	" (read-line *query-io* nil "Q"))))
            (cond ((string-equal word "Q") (return-from inspect (values)))
                  ((string-equal word "U")
                   (if above (progn (setq object (pop above)) (return)) (format *query-io* "There is nothing above.~%")))
                  (t (let ((n (parse-integer word :junk-allowed t)))
                       (cond ((and n (< -1 n (length parts)))
                              (push object above)
                              (setq object (cdr (nth n parts)))
                              (return))
                             (t (format *query-io* "There is no such part.~%"))))))))))))
