;;; swapped.lisp: the tests once more, with swapped arrays: loaded behind harness.lisp.
;;;
;;; Swapped arrays claim to be arrays like others.  So every array that is written in a test, and every one that a constructor makes while the test
;;; runs, is replaced by a swapped copy before the test's form is evaluated, and the expected values stay what they are.

(in-package "CL-TEST")

;;; Some tests make tables that the buffer would not hold; under torture it grows when it must.
(when (member (ext:getenv "WINDFALL_TORTURE") '(nil "") :test #'equal) (ext:setsbsize 4096))

(defun swapped (x)
  "A swapped copy of an array; other objects, and arrays that cannot be swapped, themselves."
  (if (or (arrayp x) (hash-table-p x))
      (handler-case (ext:mkswap x) (error () x))
      x))

(defun circular-p (form)
  (and (consp form) (loop for (nil . rest) on form repeat 10000 finally (return (consp rest)))))

(defun swap-literals (form)
  "FORM with all its arrays swapped, those in vectors too."
  (cond ((circular-p form) form)
        ((consp form)
         (let ((a (swap-literals (car form))) (d (swap-literals (cdr form))))
           (if (and (eq a (car form)) (eq d (cdr form))) form (cons a d))))
        ((simple-vector-p form) (swapped (map 'vector #'swap-literals form)))
        (t (swapped form))))

(defparameter *constructors*
  '("MAKE-ARRAY" "VECTOR" "MAKE-STRING" "MAKE-HASH-TABLE" "COPY-SEQ" "CONCATENATE" "MAKE-SEQUENCE" "COERCE" "STRING-UPCASE"
    "STRING-DOWNCASE" "FORMAT" "PRIN1-TO-STRING" "PRINC-TO-STRING" "REMOVE" "SUBSTITUTE" "REVERSE" "SORT" "MAP" "MERGE"
    "ADJUST-ARRAY" "BIT-AND" "BIT-NOT" "REPLACE" "FILL"))

;;; The constructors by other names: a test's form is read with the usual symbols, so that what it prints is the same.
(defparameter *swapping*
  (let ((table (make-hash-table)))
    (dolist (name *constructors* table)
      (let* ((symbol (find-symbol name "COMMON-LISP")) (other (make-symbol name)) (function (fdefinition symbol)))
        (setf (fdefinition other) (lambda (&rest arguments) (swapped (apply function arguments)))
              (gethash symbol table) other)))))

(defun swap-calls (form)
  "FORM with calls of constructors turned into those of swapping ones."
  (cond ((atom form) form)
        ((member (car form) '(quote setf macrolet)) form)
        (t (do ((rest (cdr form) (cdr rest))
                (new (list (swap-operator (car form))) (cons (swap-calls (car rest)) new)))
               ((atom rest) (nreconc new rest))))))

(defun swap-operator (operator)
  (if (consp operator)
      (swap-calls operator)
      (or (and (symbolp operator) (gethash operator *swapping*)) operator)))

(defun has-displaced-array-p (form)
  "Nothing can be displaced to a swapped array."
  (loop while (and (consp form) (not (circular-p form))) thereis (has-displaced-array-p (pop form)) finally (return (eq form :displaced-to))))

(let ((run (fdefinition 'run-form)))
  (defun run-form (form)
    (funcall run
             (if (and (consp form) (eq (car form) 'check) (cdr form) (not (has-displaced-array-p (second form))))
                 (list* 'check (swap-literals (swap-calls (second form))) (cddr form))
                 form))))
