;;; similarity.lisp: what a constant of a compiled file becomes when the file is loaded (CLHS 3.2.4), top-level forms (3.2.3.1), compilation units.

(defvar *si-log* '())
(defvar *si-state* (make-random-state t))
(defvar *si-object* nil)

(defun si-name (type) (format nil "/tmp/windfall-test-si-~9,'0D.~A" (random 1000000000 *si-state*) type))

(defun si-compile (text &rest arguments)
  "Compiles a file with the text: what COMPILE-FILE returns."
  (let ((source (si-name "lisp")))
    (with-open-file (out source :direction :output) (write-string text out))
    (unwind-protect (let ((*error-output* (make-broadcast-stream)) (*load-pathname* nil) (*load-truename* nil))
                      (handler-bind ((warning #'muffle-warning)) (apply #'compile-file source arguments)))
      (delete-file source))))

(defun si-run (text)
  (let ((unit (si-compile text))) (unwind-protect (load unit) (delete-file unit))))

(defun si-through (object)
  "The object after it has been a constant of a compiled file."
  (setq *si-object* object)
  (si-run "(setq cl-test::*si-log* '#.cl-test::*si-object*)")
  *si-log*)

(defun si-same-p (a b)
  "Similar as 3.2.4.2.2 says; two objects that contain the same objects twice must both do so."
  (let ((seen (make-hash-table :test 'eq)))
    (labels ((same (a b)
               (cond ((or (numberp a) (characterp a)) (eql a b))
                     ((symbolp a) (if (symbol-package a) (eq a b) (and (symbolp b) (known a b) (null (symbol-package b)) (string= a b))))
                     ((packagep a) (eq a b))
                     ((gethash a seen) (eq (gethash a seen) b))
                     (t (setf (gethash a seen) b)
                        (typecase a
                          (cons (and (consp b) (same (car a) (car b)) (same (cdr a) (cdr b))))
                          (array (and (arrayp b) (equal (array-dimensions a) (array-dimensions b)) (equal (array-element-type a) (array-element-type b))
                                      (if (and (vectorp a) (array-has-fill-pointer-p a)) (eql (length a) (length b)) t)
                                      (dotimes (i (array-total-size a) t) (unless (same (row-major-aref a i) (row-major-aref b i)) (return nil)))))
                          (pathname (and (pathnamep b) (equal a b)))
                          (hash-table (and (hash-table-p b) (eq (hash-table-test a) (hash-table-test b)) (= (hash-table-count a) (hash-table-count b))))
                          (random-state (and (random-state-p b) (equal (loop repeat 5 collect (random 1000000 (make-random-state a))) (loop repeat 5 collect (random 1000000 (make-random-state b))))))
                          (t nil)))))
             (known (a b) (if (gethash a seen) (eq (gethash a seen) b) (setf (gethash a seen) b))))
      (same a b))))

(defun si-ok (object) (si-same-p object (si-through object)))

;;; -- Numbers --

(check (si-ok '(0 -1 1 127 128 -128 -129 16383 16384 2305843009213693951 2305843009213693952 -2305843009213693952 -2305843009213693953)) => t)
(check (si-ok (loop for k from 0 to 200 collect (ash 1 k) collect (- (ash 1 k)) collect (1- (ash 1 k)))) => t)
(check (si-ok (list (expt 3 20000) (- (expt 7 9999)) (/ (expt 3 500) (expt 2 700)) 1/3 -22/7)) => t)
(check (si-ok '(0.0 -0.0 0d0 -0d0 1.5 -1.5d300 1d-320 1.4012985e-45)) => t)
(check (mapcar #'eql '(-0.0 -0d0) (si-through '(-0.0 -0d0))) => (t t))
(check (si-ok (list single-float-positive-infinity single-float-negative-infinity double-float-positive-infinity double-float-negative-infinity)) => t)
(check (si-ok (list (windfall-system::%make-double-float #x7ff8000000000000) (windfall-system::%make-double-float #xfff8000000000123) (windfall-system::%make-single-float #x7fc00001))) => t)
(check (si-ok '(#c(1 2) #c(1/2 -3) #c(1.0 -0.0) #c(0d0 1d300))) => t)

;;; -- Characters, strings --

(check (si-ok (loop for code below char-code-limit by 7 when (code-char code) collect (code-char code))) => t)
(check (si-ok (coerce (loop for code from 0 to 300 collect (code-char code)) 'string)) => t)
(check (si-ok (list "" (coerce "base" 'base-string) (coerce "wide" '(vector character)) (string (code-char #x10ffff)) (make-string 1000 :initial-element (code-char #x1F600)))) => t)
(check (si-ok (make-array 3 :element-type 'character :initial-contents "abc" :fill-pointer 2)) => t)
(check (si-ok (make-array 3 :element-type 'character :initial-contents "abc" :adjustable t)) => t)

;;; -- Symbols, packages --

(defpackage "SI-PACKAGE" (:use) (:export "OUT"))
(check (si-ok (list 'a :k 'car (intern "lower case | bar" "CL-TEST") (intern "OUT" "SI-PACKAGE") (intern "IN" "SI-PACKAGE") nil t (intern "" "SI-PACKAGE"))) => t)
(check (let ((g (make-symbol "G")) (h (make-symbol "G"))) (si-ok (list g h g (vector h g)))) => t)
(check (si-ok (list (find-package "CL") (find-package "SI-PACKAGE") (find-package "KEYWORD"))) => t)
;;; One uninterned symbol in two top-level forms of a file is one symbol.
(check (progn (si-run "(setq cl-test::*si-log* (list '#1=#.(setq cl-test::*si-object* (make-symbol \"ONE\")))) (push '#.cl-test::*si-object* cl-test::*si-log*)")
              (list (eq (first *si-log*) (second *si-log*)) (symbol-name (first *si-log*))))
       => (t "ONE"))
;;; The package must be there; the home package of what is read counts, not the current one.
(check (let ((unit (progn (make-package "SI-GONE" :use '()) (si-compile "(setq cl-test::*si-log* 'si-gone::x)")))) (delete-package "SI-GONE") (unwind-protect (load unit) (delete-file unit))) =!> package-error)

;;; -- Arrays --

(check (si-ok (list #() #(1 #(2) "x") #*1011 #* #2A((1 2) (3 4)) #0A5 #3A(((a))) (make-array '(2 0 3)))) => t)
(check (si-ok (loop for type in '(bit (unsigned-byte 8) (signed-byte 8) (unsigned-byte 16) (signed-byte 16) (unsigned-byte 32) (signed-byte 32) (unsigned-byte 64) (signed-byte 64) single-float double-float character base-char t)
                    collect (make-array 5 :element-type type :initial-element (cond ((subtypep type 'character) #\x) ((eq type 'single-float) -1.5) ((eq type 'double-float) 1d-300) (t 1)))
                    collect (make-array '(2 3) :element-type type :initial-element (cond ((subtypep type 'character) #\x) ((eq type 'single-float) -0.0) ((eq type 'double-float) 1d0) (t 0)))
                    collect (make-array 0 :element-type type)))
       => t)
(check (si-ok (make-array 5 :fill-pointer 2 :initial-contents '(1 2 3 4 5))) => t)
(check (si-ok (let ((base (vector 1 2 3 4 5))) (list base (make-array 2 :displaced-to base :displaced-index-offset 1)))) => t)
(check (si-ok (make-array 4 :element-type '(unsigned-byte 8) :fill-pointer 3 :adjustable t :initial-element 7)) => t)

;;; -- Sharing and circles --

(check (si-ok (let ((x (list 1 2))) (list x x (cons 0 x) (cdr x)))) => t)
(check (si-ok (let ((x (list 1 2 3))) (setf (cdddr x) x) x)) => t)
(check (si-ok (let ((x (list 1 2 3))) (setf (car x) x (cadr x) (vector x (cdr x))) x)) => t)
(check (si-ok (let ((v (vector nil nil))) (setf (svref v 0) v (svref v 1) (list v)) v)) => t)
(check (si-ok (let ((a (make-array '(2 2) :initial-element nil))) (setf (aref a 1 0) a (aref a 0 1) (list a)) a)) => t)
(check (si-ok (let ((a (make-array 3 :fill-pointer 2 :initial-element nil))) (setf (aref a 1) a) a)) => t)
(check (si-ok (let ((s (make-string 3 :initial-element #\a)) (n (expt 10 50))) (list s s n n (list s)))) => t)
(check (let ((table (make-hash-table :test 'equal)) (shared (list 1)))
         (setf (gethash "a" table) shared (gethash (list 1 2) table) (list shared shared) (gethash :self table) table)
         (let* ((new (si-through (list table shared table))) (copy (first new)))
           (list (eq copy (third new)) (hash-table-test copy) (hash-table-count copy) (eq (gethash "a" copy) (second new)) (eq (car (gethash '(1 2) copy)) (second new)) (eq (gethash :self copy) copy))))
       => (t equal 3 t t t))
(check (loop for test in '(eq eql equal equalp) collect (hash-table-test (si-through (make-hash-table :test test)))) => (eq eql equal equalp))
(check (let ((table (make-hash-table :test 'eq)) (key (list 'k))) (setf (gethash key table) 1) (let ((new (si-through (list key table)))) (gethash (first new) (second new)))) => 1 t)

;;; -- Pathnames, random states, structures, instances --

(check (si-ok (list #p"" #p"/a/b/c.d" #p"rel/x" (make-pathname :name "a" :type :wild) (make-pathname :directory '(:relative :wild-inferiors)) (make-pathname :directory '(:absolute "x" :up "y") :name nil))) => t)
(check (si-ok (let ((s (make-random-state *si-state*))) (random 10 s) s)) => t)
(check (let ((old (make-random-state *si-state*))) (let ((new (si-through (make-random-state old)))) (equal (loop repeat 10 collect (random 1000000 old)) (loop repeat 10 collect (random 1000000 new))))) => t)
(eval-when (:compile-toplevel :load-toplevel :execute)
  (defstruct si-s a b) (defmethod make-load-form ((s si-s) &optional e) (make-load-form-saving-slots s :environment e))
  (defstruct si-only a b) (defmethod make-load-form ((s si-only) &optional e) (make-load-form-saving-slots s :slot-names '(b) :environment e))
  (defclass si-c () ((x :initarg :x :initform nil :accessor si-x) (y :accessor si-y))) (defmethod make-load-form ((s si-c) &optional e) (make-load-form-saving-slots s :environment e))
  (defclass si-two () ((x :initarg :x :accessor si-two-x)))
  (defmethod make-load-form ((s si-two) &optional e) (declare (ignore e)) (values `(progn (push :made *si-order*) (make-instance 'si-two)) `(progn (push :set *si-order*) (setf (si-two-x ',s) ',(si-two-x s)))))
  (defvar *si-order* '()))
(check (let* ((s (make-si-s :a 1)) (l (list s s (make-si-s :a s)))) (setf (si-s-b s) l)
         (let ((new (si-through l))) (list (eq (first new) (second new)) (eq (si-s-a (third new)) (first new)) (eq (si-s-b (first new)) new) (si-s-a (first new)))))
       => (t t t 1))
(check (let ((new (si-through (make-si-only :a 1 :b 2)))) (si-only-b new)) => 2)
(check (let ((new (si-through (make-instance 'si-c :x (list 1))))) (list (si-x new) (slot-boundp new 'y))) => ((1) nil))
(check (let ((a (make-instance 'si-two))) (setf (si-two-x a) (list a (make-instance 'si-two :x 2))) (setq *si-order* '())
         (let ((new (si-through a))) (list (eq new (first (si-two-x new))) (si-two-x (second (si-two-x new))) (count :made *si-order*) (count :set *si-order*) (car (last *si-order*)))))
       => (t 2 2 2 :made))
;;; Classes, functions with a global name and structure types are found by their names; other functions cannot be in a file.
(check (let ((new (si-through (list (find-class 'si-c) #'car #'si-x)))) (list (eq (first new) (find-class 'si-c)) (eq (second new) #'car) (eq (third new) #'si-x))) => (t t t))
(check (let ((unit (progn (setq *si-object* (let ((x (list 1))) (lambda () x))) (si-compile "(setq cl-test::*si-log* '#.cl-test::*si-object*)")))) (unwind-protect (load unit) (delete-file unit))) =!> error)

;;; One object in several functions and forms of a file is one object; in two files it is two.
(check (progn (setq *si-object* (list 1 (list 2)))
              (si-run "(defun cl-test::si-f () '#.cl-test::*si-object*) (defun cl-test::si-g () (lambda () '#.(second cl-test::*si-object*))) (setq cl-test::*si-log* '#.cl-test::*si-object*)")
              (list (eq (si-f) *si-log*) (eq (funcall (si-g)) (second (si-f))) (eq (si-f) *si-object*)))
       => (t t nil))
(check (eq (si-through *si-object*) (si-f)) => nil)

;;; -- LOAD-TIME-VALUE --

(check (progn (setq *si-order* '()) (si-run "(defun cl-test::si-f () (list (load-time-value (progn (push 1 cl-test::*si-order*) (list 1)) nil) (load-time-value (list 2) t)))")
              (list *si-order* (eq (first (si-f)) (first (si-f))) (eq (second (si-f)) (second (si-f))) (si-f)))
       => ((1) t t ((1) (2))))
(check (progn (si-run "(defun cl-test::si-f () (load-time-value (list 1) nil))") (setf (car (si-f)) 5) (si-f)) => (5))
(check (progn (si-run "(let ((cl-test::*si-object* 7)) (declare (special cl-test::*si-object*)) (setq cl-test::*si-log* (load-time-value cl-test::*si-object*)))") (eql *si-log* 7)) => nil)
(check (progn (si-run "(setq cl-test::*si-log* (mapcar (lambda (x) (cons x (load-time-value (list *load-truename*)))) '(1 2)))") (list (length *si-log*) (eq (cdr (first *si-log*)) (cdr (second *si-log*))) (pathnamep (cadr (first *si-log*))))) => (2 t t))

;;; -- EVAL-WHEN: figure 3-7, all sets of situations in the three modes --

(defun si-when (text)
  "What happens at compile time, and at load time."
  (setq *si-log* '())
  (let ((unit (si-compile text)) (now (reverse *si-log*)))
    (setq *si-log* '())
    (unwind-protect (load unit) (delete-file unit))
    (list now (reverse *si-log*))))
(defun si-situations (control)
  (loop for situations in '("" ":compile-toplevel" ":load-toplevel" ":execute" ":compile-toplevel :load-toplevel" ":compile-toplevel :execute" ":load-toplevel :execute" ":compile-toplevel :load-toplevel :execute")
        collect (let ((r (si-when (format nil control situations)))) (list (length (first r)) (length (second r))))))
(check (si-situations "(eval-when (~A) (push 1 cl-test::*si-log*))") => ((0 0) (1 0) (0 1) (0 0) (1 1) (1 0) (0 1) (1 1)))
(check (si-situations "(eval-when (:compile-toplevel :load-toplevel) (eval-when (~A) (push 1 cl-test::*si-log*)))") => ((0 0) (1 0) (0 1) (1 0) (1 1) (1 0) (1 1) (1 1)))
(check (si-situations "(let () (eval-when (~A) (push 1 cl-test::*si-log*)))") => ((0 0) (0 0) (0 0) (0 1) (0 0) (0 1) (0 1) (0 1)))
(check (si-situations "(progn (locally (macrolet () (symbol-macrolet () (eval-when (~A) (push 1 cl-test::*si-log*))))))") => ((0 0) (1 0) (0 1) (0 0) (1 1) (1 0) (0 1) (1 1)))
(check (si-situations "(eval-when (:compile-toplevel) (eval-when (~A) (push 1 cl-test::*si-log*)))") => ((0 0) (0 0) (0 0) (1 0) (0 0) (1 0) (1 0) (1 0)))
(check (si-when "(macrolet ((both (x) `(progn (eval-when (:compile-toplevel) (push '(:now ,x) cl-test::*si-log*)) (push '(:then ,x) cl-test::*si-log*))))
                   (both 1) (macrolet ((two () '(both 2))) (two)) (symbol-macrolet ((three (both 3))) three) (locally (declare (optimize speed)) (both 4)))")
       => (((:now 1) (:now 2) (:now 3) (:now 4)) ((:then 1) (:then 2) (:then 3) (:then 4))))
(check (si-when "(eval-when (:compile-toplevel :load-toplevel) (locally (declare (special si-free)) (setq si-free 1) (push si-free cl-test::*si-log*)))") => ((1) (1)))
(check (si-when "(progn (defmacro cl-test::si-m (x) `(push ,x cl-test::*si-log*)) (cl-test::si-m 1)) (cl-test::si-m 2)") => (() (1 2)))
(check (si-when "(defconstant cl-test::si-k 5) (eval-when (:compile-toplevel) (push cl-test::si-k cl-test::*si-log*)) (push #.cl-test::si-k cl-test::*si-log*)") => ((5) (5)))
(check (si-when "(push '#.(list 1 (+ 1 1)) cl-test::*si-log*) (push #.`(list ,(* 2 3)) cl-test::*si-log*)") => (() ((1 2) (6))))
(check (si-when "#+windfall (push 1 cl-test::*si-log*) #-windfall (push 2 cl-test::*si-log*) #+(and windfall (not windfall)) (push 3 cl-test::*si-log*)") => (() (1)))
(check (si-when "(setf (get 'si-place 'p) 3) (push (get 'si-place 'p) cl-test::*si-log*) (let ((x 4)) (push x cl-test::*si-log*) (defun cl-test::si-f () (incf x))) (push (cl-test::si-f) cl-test::*si-log*)") => (() (3 4 5)))
;;; The reader's variables are bound by COMPILE-FILE and LOAD.
(check (si-when "(eval-when (:compile-toplevel :load-toplevel) (setq *readtable* (copy-readtable)) (set-macro-character #\\! (lambda (s c) (declare (ignore s c)) '(push :bang cl-test::*si-log*))))
                 ! (in-package \"KEYWORD\") (cl:push 'x cl-test::*si-log*)") => (() (:bang :x)))
(check (list (package-name *package*) (get-macro-character #\!)) => ("CL-TEST" nil))

;;; -- *COMPILE-FILE-PATHNAME* and its kin --

(check (let ((*default-pathname-defaults* #p"/tmp/"))
         (with-open-file (out "/tmp/si-where.lisp" :direction :output :if-exists :supersede)
           (write-string "(eval-when (:compile-toplevel) (setq cl-test::*si-log* (list (namestring *compile-file-pathname*) (namestring *compile-file-truename*) *load-pathname* *load-truename*)))
                          (setq cl-test::*si-log* (append cl-test::*si-log* (list *compile-file-pathname* *compile-file-truename* (namestring *load-pathname*) (namestring *load-truename*))))" out))
         (let ((*load-pathname* nil) (*load-truename* nil)) (load (compile-file "si-where")))
         (delete-file "/tmp/si-where.lisp") (delete-file "/tmp/si-where.wfu")
         (list *si-log* *compile-file-pathname*))
       => (("/tmp/si-where.lisp" "/tmp/si-where.lisp" nil nil nil nil "/tmp/si-where.wfu" "/tmp/si-where.wfu") nil))

;;; -- Warnings and compilation units --

(defun si-warnings (function)
  "The types of the warnings that calling FUNCTION gives."
  (let ((types '()))
    (handler-bind ((warning (lambda (c) (push (if (typep c 'style-warning) :style :full) types) (muffle-warning c))))
      (let ((*error-output* (make-broadcast-stream))) (funcall function)))
    (nreverse types)))
(defun si-file (text) (let ((source (si-name "lisp"))) (with-open-file (out source :direction :output) (write-string text out)) source))
(defun si-compile-warnings (&rest texts)
  (let ((sources (mapcar #'si-file texts)) (units '()))
    (prog1 (list (si-warnings (lambda () (dolist (s sources) (push (compile-file s) units)))) (si-warnings (lambda () (with-compilation-unit () (dolist (s sources) (push (compile-file s) units))))))
      (mapc #'delete-file sources) (mapc #'delete-file (remove-duplicates units :test #'equal)))))
(check (si-compile-warnings "(defun si-wa (x) (si-wb x)) (defun si-wb (x) x)") => (() ()))
(check (si-compile-warnings "(defun si-wc (x) (si-wd x))" "(defun si-wd (x) (si-wc x))") => ((:style :style) ()))
(check (si-compile-warnings "(defun si-we (x) (si-no-such x) (si-no-such x) (si-no-such-2))") => ((:style :style) (:style :style)))
(check (si-warnings (lambda () (with-compilation-unit (:override t) (compile nil '(lambda () (si-no-such-3)))))) => (:style))
(check (si-warnings (lambda () (with-compilation-unit () (with-compilation-unit () (compile nil '(lambda () (si-wf 1)))) (eval '(defun si-wf (x) x))))) => ())
(check (si-warnings (lambda () (with-compilation-unit () (with-compilation-unit (:override t) (compile nil '(lambda () (si-wg 1)))) (eval '(defun si-wg (x) x))))) => (:style))
(check (multiple-value-list (with-compilation-unit () (values 1 2 3))) => (1 2 3))
(check (catch 'si (with-compilation-unit () (throw 'si 4))) => 4)
(defun si-flags (text) (let ((values (multiple-value-list (si-compile text)))) (when (first values) (delete-file (first values))) (list (pathnamep (first values)) (second values) (third values))))
(check (si-flags "(defun si-x1 (x) x)") => (t nil nil))
(check (si-flags "(defun si-x2 (x) 1)") => (t t nil))
(check (si-flags "(defun si-x3 (x) (declare (ignore x)) (si-no-such-function))") => (t t nil))
(check (si-flags "(eval-when (:compile-toplevel) (warn 'style-warning))") => (t t nil))
(check (si-flags "(eval-when (:compile-toplevel) (warn \"full\"))") => (t t t))
(check (si-flags "(defun si-x4 () (let ((1 2)) 3))") => (t t t))
(check (si-flags "(defmacro si-bad () (error \"in a macro\")) (defun si-x5 () (si-bad))") => (t t t))
(check (si-flags "(defun si-x6 () (declare (ignore y)) 1))") => (nil t t))
(check (si-flags "(eval-when (:compile-toplevel) (handler-bind ((warning #'muffle-warning)) (warn \"handled\")))") => (t nil nil))

;;; -- The debug section --

(defun si-size (text &rest arguments)
  (let ((unit (apply #'si-compile text arguments))) (with-open-file (s unit :element-type '(unsigned-byte 8)) (prog1 (file-length s) (delete-file unit)))))
(defvar *si-text* (format nil "~{(defun si-debug-~D (argument &optional (other 1)) \"Documentation.\" (list argument other))~%~}" (loop for i below 50 collect i)))
(check (< (* 5/4 (si-size *si-text* :debug nil)) (si-size *si-text* :debug t)) => t)
(check (= (si-size *si-text*) (si-size *si-text* :debug t)) => t)
(check (let ((unit (si-compile *si-text* :debug nil))) (load unit) (delete-file unit) (list (si-debug-3 1) (documentation 'si-debug-3 'function) (handler-case (si-debug-3) (program-error () :caught)))) => ((1 1) nil :caught))
(check (let ((unit (si-compile *si-text*))) (load unit) (delete-file unit) (list (si-debug-3 1) (documentation 'si-debug-3 'function))) => ((1 1) "Documentation."))
