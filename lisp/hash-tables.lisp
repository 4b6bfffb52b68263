;;; hash-tables.lisp: hash tables (CLHS 18): making, iteration, tests of the user's.
;;;
;;; Tables are C (run/table.c); GETHASH and its kin are leaves.  A test made by EXT:DEFINE-HASH-TABLE-TEST is two Lisp functions, which no leaf may
;;; call: for such a table the leaves call %USER-GETHASH, %USER-PUTHASH and %USER-REMHASH, which go through the entries of the
;;; same hash code with %HASH-PROBE.
;;;
;;; %HASH-NEXT goes from entry to entry by position, so during MAPHASH the current entry may be changed or removed; what is
;;; added meanwhile may or may not be met.

(in-package "SYS")

(defvar *hash-table-tests* nil "Tests of the user's: (name test-function hash-function)...")

(defun %hash-test (test)
  "Code, name, test function and hash function of a hash table test."
  (let ((code (%test-code (or test 'eql))))
    (if code
        (values code (nth code '(eql eq equal equalp)) nil nil)
        (let ((entry (or (assq test *hash-table-tests*)
                         (dolist (e *hash-table-tests* nil)
                           (if (and (functionp test) (fboundp (car e)) (eq (fdefinition (car e)) test)) (return e))))))
          (if (not entry)
              (error 'type-error :datum test
                                 :expected-type `(member eq eql equal equalp ,@(%mapcar #'car *hash-table-tests*))))
          (values 4 (car entry) (cadr entry) (caddr entry))))))

(defun %define-hash-table-test (name test hash)
  (setq *hash-table-tests*
        (cons (list name test hash)
              (%nreverse-list
               (let ((others nil))
                 (dolist (e *hash-table-tests* others)
                   (if (eq (car e) name) nil (push e others)))))))
  name)

(defmacro ext:define-hash-table-test (name hash-function)
  "Makes the function NAME, of two arguments, a test for hash tables; HASH-FUNCTION, a name or a lambda expression, gives the same
non-negative fixnum for objects that are the same under the test."
  `(%define-hash-table-test ',name #',name #',hash-function))

(defun %weak-flags (weakness)
  (or (cdr (assq weakness '((nil . 0) (:key . 1) (:value . 2) (:key-and-value . 3) (:key-or-value . 7))))
      (error 'type-error :datum weakness :expected-type '(member nil :key :value :key-and-value :key-or-value))))

(defun make-hash-table (&key (test 'eql) (size 16) (rehash-size 1.5) (rehash-threshold 1.0) weakness)
  "A fresh hash table (CLHS 18.2).  WEAKNESS: which of key and value must be reachable from elsewhere for an entry to stay."
  (if (not (and (integerp size) (>= size 0))) (error 'type-error :datum size :expected-type '(integer 0)))
  (if (not (if (integerp rehash-size) (> rehash-size 0) (and (floatp rehash-size) (> rehash-size 1.0))))
      (error 'type-error :datum rehash-size :expected-type '(or (integer 1 *) (float (1.0) *))))
  (if (not (and (realp rehash-threshold) (<= 0 rehash-threshold 1)))
      (error 'type-error :datum rehash-threshold :expected-type '(real 0 1)))
  (multiple-value-bind (code name function hasher) (%hash-test test)
    (%make-hash-table code name size (%weak-flags weakness) weakness rehash-size rehash-threshold function hasher)))

;;; -- Tests that are Lisp functions --

(defun %user-find (key table)
  "The hash code of KEY, and position and value of its entry, NIL if there is none."
  (multiple-value-bind (hasher test) (%hash-hasher table)
    (let ((hash (funcall hasher key)) (at nil))
      (loop
        (multiple-value-bind (position k value) (%hash-probe table hash at)
          (if (or (null position) (eq k key) (funcall test key k))
              (return (values hash position value)))
          (setq at position))))))

(defun %user-gethash (key table default)
  (multiple-value-bind (hash position value) (%user-find key table)
    (declare (ignore hash))
    (if position (values value t) (values default nil))))

(defun %user-puthash (key table value)
  (multiple-value-bind (hash position) (%user-find key table)
    (if (not (and position (%hash-set-at table position value)))
        (%hash-add table key value hash))
    value))

(defun %user-remhash (key table)
  (multiple-value-bind (hash position) (%user-find key table)
    (declare (ignore hash))
    (if position (%hash-remove-at table position) nil)))

;;; -- Iteration --

(defun maphash (function hash-table)
  "Calls FUNCTION with key and value of every entry (CLHS 18.2)."
  (let ((position 0))
    (loop
      (multiple-value-bind (next key value) (%hash-next hash-table position)
        (if (null next) (return nil))
        (setq position next)
        (funcall function key value)))))

(defmacro with-hash-table-iterator ((name hash-table) &body body)
  "NAME is a local macro that gives the next entry: T, key and value, or NIL at the end (CLHS 18.2)."
  (let ((table (make-symbol "TABLE")) (position (make-symbol "POSITION")))
    `(let ((,table ,hash-table) (,position 0))
       (macrolet ((,name () '(multiple-value-bind (next key value) (%hash-next ,table ,position)
                              (if next
                                  (progn (setq ,position next) (values t key value))
                                  nil))))
         ,@body))))
