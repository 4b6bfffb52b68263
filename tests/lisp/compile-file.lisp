;;; compile-file.lisp: COMPILE-FILE and LOAD of what it writes (CLHS 3.2.3, 3.2.4, 24.1).

(defvar *cf-log* '())

(defun cf-name (type) (format nil "/tmp/windfall-test-cf-~D.~A" (random 1000000 (load-time-value (make-random-state t))) type))

(defun cf-write (name text)
  (with-open-file (out name :direction :output :if-exists :supersede) (write-string text out))
  name)

(defun cf-compile (text)
  "Compiles a file with the text: unit's name, warnings-p, failure-p."
  (let ((source (cf-write (cf-name "lisp") text)))
    (unwind-protect
         (let ((*error-output* (make-broadcast-stream)) (*load-pathname* nil))
           (handler-bind ((warning #'muffle-warning)) (compile-file source)))
      (delete-file source))))

(defun cf-load (unit)
  (unwind-protect (load unit) (delete-file unit)))

(defun cf-run (text)
  "Compiles and loads the text."
  (cf-load (cf-compile text)))

(defmacro cf (text form)
  "The values of FORM after the text has been compiled and loaded."
  `(progn (cf-run ,text) ,form))

;;; -- What a file consists of --

(check (cf "(defun cf-a (x) (* x 2))" (cf-a 21)) => 42)
(check (cf "(defvar *cf-v* 17) (defparameter *cf-p* (list *cf-v* 1))" (list *cf-v* *cf-p*)) => (17 (17 1)))
(check (cf "(defconstant +cf-c+ 3)" +cf-c+) => 3)
(check (cf "(defmacro cf-m (x) `(list ,x ,x)) (defun cf-um (y) (cf-m (+ y 1)))" (cf-um 1)) => (2 2))
(check (cf "(defun cf-opt (a &optional (b 2) &rest r &key (k 5) &allow-other-keys) (list a b r k))" (cf-opt 1 3 :k 7)) => (1 3 (:k 7) 7))
(check (cf "(defun (setf cf-place) (v x) (setf (car x) v)) (defun cf-place (x) (car x))" (let ((l (list 1))) (setf (cf-place l) 9) l)) => (9))
(check (cf "(let ((n 10)) (defun cf-count () (incf n)))" (list (cf-count) (cf-count))) => (11 12))
(check (cf "(defun cf-adder (n) (lambda (x) (+ x n)))" (funcall (cf-adder 3) 4)) => 7)
(check (cf "(defun cf-rec (n) (labels ((e (k) (if (= k 0) t (o (- k 1)))) (o (k) (if (= k 0) nil (e (- k 1))))) (list #'e #'o (e n))))"
           (funcall (second (cf-rec 3)) 5)) => t)
(check (cf "(defstruct cf-s a (b 2) c) (defun cf-mk (x) (make-cf-s :a x)) (defun cf-b (s) (cf-s-b s))" (cf-b (cf-mk 1))) => 2)
(check (cf "(defstruct (cf-t (:include cf-s) (:constructor cf-new (a d))) d) (defun cf-sum (x) (+ (cf-t-a x) (cf-t-d x)))" (cf-sum (cf-new 1 5))) => 6)
(check (cf "(defclass cf-k () ((x :initarg :x :initform 4 :accessor cf-x))) (defmethod cf-twice ((k cf-k)) (* 2 (cf-x k)))"
           (cf-twice (make-instance 'cf-k))) => 8)
(check (cf "(defclass cf-k2 (cf-k) ()) (defmethod cf-twice ((k cf-k2)) (list (call-next-method)))" (cf-twice (make-instance 'cf-k2 :x 5))) => (10))
(check (cf "(defgeneric cf-g (x) (:method ((x integer)) :int) (:method ((x string)) :str))" (list (cf-g 1) (cf-g "a"))) => (:int :str))
(check (cf "(define-condition cf-error (error) ((w :initarg :w :reader cf-w)))" (handler-case (error 'cf-error :w 3) (cf-error (c) (cf-w c)))) => 3)
(check (cf "(deftype cf-small () '(integer 0 9)) (defun cf-small-p (x) (typep x 'cf-small))" (list (cf-small-p 3) (cf-small-p 10))) => (t nil))
(check (cf "(defsetf cf-get cf-put) (defun cf-get (x) (car x)) (defun cf-put (x v) (setf (car x) v)) (defun cf-use (l) (setf (cf-get l) 3) l)" (cf-use (list 1))) => (3))
(check (cf "(define-symbol-macro cf-sm (list 1 2)) (defun cf-usm () cf-sm)" (cf-usm)) => (1 2))
(check (cf "(define-compiler-macro cf-cm (x) `(list :cm ,x)) (defun cf-cm (x) x) (defun cf-ucm () (cf-cm 1))" (cf-ucm)) => (:cm 1))
(check (cf "(defpackage \"CF-PACKAGE\" (:use \"CL\") (:export \"F\")) (in-package \"CF-PACKAGE\") (defun f (x) (list 'here x))"
           (symbol-name (car (funcall (find-symbol "F" "CF-PACKAGE") 1)))) => "HERE")
(check (cf "(in-package \"CF-PACKAGE\") (defvar *q* 'x)" (package-name *package*)) => "CL-TEST")
(check (cf "(declaim (inline cf-inl)) (defun cf-inl (x) (+ x 1)) (defun cf-uinl (y) (cf-inl y))" (cf-uinl 1)) => 2)
(check (cf "(defun cf-doc (x) \"The documentation.\" x)" (documentation 'cf-doc 'function)) => "The documentation.")
(check (cf "(defun cf-typed (x y) (declare (double-float x y)) (+ (* x y) x))" (cf-typed 2d0 3d0)) => 8d0)
(check (cf "(defun cf-loop (n) (loop for i below n collect (* i i)))" (cf-loop 4)) => (0 1 4 9))
(check (cf "(defun cf-case (x) (case x (1 :one) ((2 3) :few) (t :many)))" (mapcar #'cf-case '(1 3 9))) => (:one :few :many))
(check (cf "(defun cf-exit (l) (block nil (mapc (lambda (x) (when (> x 2) (return x))) l) nil))" (cf-exit '(1 2 3 4))) => 3)
(check (cf "(defun cf-protect () (let ((l '())) (catch 'x (unwind-protect (throw 'x nil) (push 1 l))) l))" (cf-protect)) => (1))
(check (cf "(defun cf-names () (list 'a :b '|odd name| 'ext:gc))" (cf-names)) => (a :b |odd name| ext:gc))

;;; A structure type that is defined within a form that uses it.
(check (cf "(let ((n 3)) (defstruct cf-inner (a n) b) (defun cf-inner-test (x) (list (cf-inner-a x) (cf-inner-p x) (cf-inner-b (make-cf-inner :b 5)))))" (cf-inner-test (make-cf-inner :a 4))) => (4 t 5))
(check (progn (eval '(defstruct cf-gone a)) (let ((unit (cf-compile "(defun cf-uses-gone (x) (cf-gone-a x))"))) (windfall-system::%remove-info 'cf-gone 'windfall-system::%structure) (cf-load unit))) =!> error)

;;; -- Literal objects: 3.2.4 --

(check (cf "(defun cf-q () '(1 -2 (3 . 4) #\\x 1.5 2d0 2/3 #c(1 2) 100000000000000000000000 \"str\" nil t))" (cf-q))
       => (1 -2 (3 . 4) #\x 1.5 2d0 2/3 #c(1 2) 100000000000000000000000 "str" nil t))
(check (cf "(defun cf-vec () #(1 (2) #(3)))" (cf-vec)) => #(1 (2) #(3)))
(check (cf "(defun cf-bits () #*10110)" (cf-bits)) => #*10110)
(check (cf "(defun cf-arr () #2A((1 2) (3 4)))" (aref (cf-arr) 1 0)) => 3)
(check (cf "(defun cf-uni () \"\\\"grüße→\")" (cf-uni)) => "\"grüße→")
(check (cf "(defun cf-neg () '(-4611686018427387904 4611686018427387904 -100000000000000000000))" (cf-neg)) => (-4611686018427387904 4611686018427387904 -100000000000000000000))
(check (cf "(defun cf-path () #p\"/tmp/a.b\")" (namestring (cf-path))) => "/tmp/a.b")
(check (cf "(defun cf-octets () '#.(make-array 3 :element-type '(unsigned-byte 8) :initial-contents '(1 2 255)))" (type-of (cf-octets))) => (simple-array (unsigned-byte 8) (3)))
(check (cf "(defun cf-fill () '#.(make-array 5 :fill-pointer 2 :initial-contents '(1 2 3 4 5)))" (length (cf-fill))) => 2)
(check (cf "(defun cf-circle () '#1=(a b . #1#))" (let ((l (cf-circle))) (list (eq l (cddr l)) (second l)))) => (t b))
(check (cf "(defun cf-circle-2 () '#1=(a #1# #2=#(1 #2# #1#)))" (let ((l (cf-circle-2))) (list (eq l (second l)) (eq (third l) (svref (third l) 1)) (eq l (svref (third l) 2))))) => (t t t))
(check (cf "(defun cf-share () '(#1=(x) #1# (#1#)))" (let ((l (cf-share))) (list (eq (first l) (second l)) (eq (first l) (car (third l)))))) => (t t))
(check (cf "(defmacro cf-same () ''#.(list 1 2)) (defun cf-same-1 () (cf-same)) (defun cf-same-2 () (cf-same))" (eq (cf-same-1) (cf-same-2))) => t)
(check (cf "(defun cf-tail () '(#1=(b c) a . #1#))" (let ((l (cf-tail))) (eq (first l) (cddr l)))) => t)
(check (cf "(defun cf-unint () '(#1=#:g #1# #:g))" (let ((l (cf-unint))) (list (eq (first l) (second l)) (eq (first l) (third l)) (symbol-package (first l)) (symbol-name (first l))))) => (t nil nil "G"))
(check (cf "(defun cf-table () '#.(let ((h (make-hash-table :test 'equal))) (setf (gethash \"k\" h) '(1 2)) h))" (gethash "k" (cf-table))) => (1 2) t)
(check (cf "(defun cf-empty () '#.(make-hash-table))" (hash-table-count (cf-empty))) => 0)
(check (cf "(defun cf-pkg () '#.(find-package \"CL\"))" (package-name (cf-pkg))) => "COMMON-LISP")
(check (cf "(defun cf-class () '#.(find-class 'integer))" (eq (cf-class) (find-class 'integer))) => t)
(check (cf "(defun cf-fn () '#.#'car)" (funcall (cf-fn) '(1 2))) => 1)
(check (cf (format nil "(defun cf-long () '~S)" (loop for i below 20000 collect i)) (let ((l (cf-long))) (list (length l) (first l) (car (last l))))) => (20000 0 19999))
(check (cf (format nil "(defun cf-deep () '~A~A)" (make-string 2000 :initial-element #\() (make-string 2000 :initial-element #\)))
           (do ((x (cf-deep) (car x)) (n 1 (1+ n))) ((null (car x)) n))) => 1999)
(check (nth-value 2 (cf-compile (format nil "(defun cf-too-deep () '~A~A)" (make-string 20000 :initial-element #\() (make-string 20000 :initial-element #\))))) => t)
(check (nth-value 2 (cf-compile "(defun cf-closure () '#.(let ((x (list 1))) (lambda () x)))")) => t)
(check (nth-value 2 (cf-compile "(defun cf-stream () '#.*standard-output*)")) => t)

;;; -- MAKE-LOAD-FORM --

(cf-run "(defclass cf-point () ((x :initarg :x :accessor cf-px) (y :initarg :y :accessor cf-py)))
         (defmethod make-load-form ((p cf-point) &optional environment)
           (declare (ignore environment))
           (list 'make-instance ''cf-point :x (cf-px p) :y (cf-py p)))
         (defstruct cf-node name next)
         (defmethod make-load-form ((n cf-node) &optional environment) (make-load-form-saving-slots n :environment environment))
         (defclass cf-loop () ((to :initform nil :accessor cf-to)))
         (defmethod make-load-form ((x cf-loop) &optional environment)
           (declare (ignore environment))
           (values (list 'make-instance ''cf-loop) (list 'setf (list 'cf-to (list 'quote x)) (list 'quote (cf-to x)))))
         (defclass cf-self () ())
         (defmethod make-load-form ((x cf-self) &optional environment) (declare (ignore environment)) (list 'list (list 'quote x)))
         (defclass cf-none () ())")
(check (cf "(defun cf-pt () '#.(make-instance 'cf-point :x 1 :y 2))" (list (cf-px (cf-pt)) (cf-py (cf-pt)) (eq (cf-pt) (cf-pt)))) => (1 2 t))
(check (cf "(defun cf-st () '#S(cf-node :name a :next #S(cf-node :name b)))" (cf-node-name (cf-node-next (cf-st)))) => b)
(check (cf "(defun cf-ring () '#.(let ((a (make-cf-node :name 1)) (b (make-cf-node :name 2))) (setf (cf-node-next a) b (cf-node-next b) a) a))"
           (let ((a (cf-ring))) (eq a (cf-node-next (cf-node-next a))))) => t)
(check (cf "(defun cf-lp () '#.(let ((a (make-instance 'cf-loop)) (b (make-instance 'cf-loop))) (setf (cf-to a) (list b) (cf-to b) (vector a)) a))"
           (let ((a (cf-lp))) (eq a (svref (cf-to (car (cf-to a))) 0)))) => t)
(check (nth-value 2 (cf-compile "(defun cf-bad () '#.(make-instance 'cf-self))")) => t)
(check (nth-value 2 (cf-compile "(defun cf-bad () '#.(make-instance 'cf-none))")) => t)
(check (cf "(defun cf-in-list () '(1 #.(make-instance 'cf-point :x 3 :y 4) 2))" (cf-px (second (cf-in-list)))) => 3)

;;; -- LOAD-TIME-VALUE --

(check (cf "(setq cl-test::*cf-log* nil) (defun cf-ltv () (load-time-value (progn (push :now cl-test::*cf-log*) (list 1))))"
           (list *cf-log* (eq (cf-ltv) (cf-ltv)) *cf-log*)) => ((:now) t (:now)))
(check (cf "(defun cf-ltv-2 () (+ 1 (load-time-value 41)))" (cf-ltv-2)) => 42)
(check (cf "(defun cf-ltv-3 () (if (load-time-value nil) 1 2))" (cf-ltv-3)) => 2)
(check (cf "(defun cf-ltv-4 () (load-time-value (list (load-time-value 1) 2)))" (cf-ltv-4)) => (1 2))
(check (cf "(defun cf-ltv-5 () (lambda () (load-time-value *load-truename*)))" (pathname-type (funcall (cf-ltv-5)))) => "wfu")

;;; -- EVAL-WHEN and top-level forms --

(defun cf-situations (text)
  "What is pushed to *CF-LOG* at compile time and at load time."
  (setq *cf-log* '())
  (let ((unit (cf-compile text)) (compiled (reverse *cf-log*)))
    (setq *cf-log* '())
    (cf-load unit)
    (list compiled (reverse *cf-log*))))

(check (cf-situations "(push 1 cl-test::*cf-log*)") => (() (1)))
(check (cf-situations "(eval-when (:compile-toplevel) (push 1 cl-test::*cf-log*))") => ((1) ()))
(check (cf-situations "(eval-when (:load-toplevel) (push 1 cl-test::*cf-log*))") => (() (1)))
(check (cf-situations "(eval-when (:execute) (push 1 cl-test::*cf-log*))") => (() ()))
(check (cf-situations "(eval-when (:compile-toplevel :load-toplevel) (push 1 cl-test::*cf-log*))") => ((1) (1)))
(check (cf-situations "(eval-when (:compile-toplevel :load-toplevel) (eval-when (:execute) (push 1 cl-test::*cf-log*)))") => ((1) ()))
(check (cf-situations "(eval-when (:compile-toplevel :load-toplevel) (eval-when (:load-toplevel) (push 1 cl-test::*cf-log*)))") => (() (1)))
(check (cf-situations "(eval-when (:compile-toplevel :load-toplevel) (eval-when (:load-toplevel :execute) (push 1 cl-test::*cf-log*)))") => ((1) (1)))
(check (cf-situations "(eval-when (compile load eval) (push 1 cl-test::*cf-log*))") => ((1) (1)))
(check (cf-situations "(progn (push 1 cl-test::*cf-log*) (progn (push 2 cl-test::*cf-log*)))") => (() (1 2)))
(check (cf-situations "(macrolet ((m (x) `(push ,x cl-test::*cf-log*))) (m 1) (eval-when (:compile-toplevel) (m 2)))") => ((2) (1)))
(check (cf-situations "(symbol-macrolet ((s 5)) (push s cl-test::*cf-log*) (eval-when (:compile-toplevel) (push s cl-test::*cf-log*)))") => ((5) (5)))
(check (cf-situations "(locally (declare (special cf-sp)) (setq cf-sp 4) (push cf-sp cl-test::*cf-log*))") => (() (4)))
(check (cf-situations "(let () (eval-when (:compile-toplevel) (push 1 cl-test::*cf-log*)) (eval-when (:execute) (push 2 cl-test::*cf-log*)))") => (() (2)))
(check (cf-situations "(defmacro cf-now () (push :expanded cl-test::*cf-log*) nil) (cf-now) (defun cf-now-user () (cf-now))") => ((:expanded :expanded) ()))
(check (cf-situations "(eval-when (:compile-toplevel) (push (list (pathname-type *compile-file-pathname*) (pathname-type *compile-file-truename*) *load-pathname*) cl-test::*cf-log*))
                       (push (list *compile-file-pathname* (pathname-type *load-pathname*)) cl-test::*cf-log*)")
       => ((("lisp" "lisp" nil)) ((nil "wfu"))))
(check (macrolet ((m () `(cf-situations "(macrolet ((a () 1)) (macrolet ((b () '(a))) (push (b) cl-test::*cf-log*)))"))) (m)) => (() (1)))

;;; -- Values, warnings, errors --

(check (let ((values (multiple-value-list (cf-compile "(defun cf-w1 (x) x)")))) (delete-file (first values)) (rest values)) => (nil nil))
(check (let ((values (multiple-value-list (cf-compile "(defun cf-w2 (x) 1)")))) (delete-file (first values)) (rest values)) => (t nil))
(check (let ((values (multiple-value-list (cf-compile "(eval-when (:compile-toplevel) (warn \"w\"))")))) (delete-file (first values)) (rest values)) => (t t))
(check (let ((values (multiple-value-list (cf-compile "(defun cf-e () (let ((x)) . 1)) (defun cf-after () 7)")))) (delete-file (first values)) (rest values)) => (t t))
(check (multiple-value-bind (unit warned failed) (cf-compile "(defun cf-r () (foo)") (list unit warned failed)) => (nil t t))
(check (multiple-value-bind (unit warned failed) (cf-compile "(no-such-package-cf:x)") (list unit warned failed)) => (nil t t))
(check (cf-run "(let ((x)) . 1)") =!> program-error)
(check (progn (ignore-errors (cf-run "(defun cf-before () 5) (if) (defun cf-after () 6)")) (list (cf-before) (fboundp 'cf-after))) => (5 nil))
(check (compile-file "/tmp/no-such-file-cf.lisp") =!> file-error)
(check (let ((source (cf-write (cf-name "lisp") "1"))) (unwind-protect (compile-file source :output-file "/no-such-directory-cf/x.wfu") (delete-file source))) =!> file-error)
(check (cf-run "") => t)
(check (cf-run "1 \"a\" :k nil t 'x #\\c") => t)
(check (cf-run ";; nothing but a comment") => t)

;;; -- Names --

(check (namestring (compile-file-pathname "/tmp/x.lisp")) => "/tmp/x.wfu")
(check (namestring (compile-file-pathname "/tmp/x")) => "/tmp/x.wfu")
(check (namestring (compile-file-pathname "/tmp/x.lisp" :output-file "/tmp/y.wfu")) => "/tmp/y.wfu")
(check (namestring (compile-file-pathname "/tmp/x.lisp" :output-file "/var/y")) => "/var/y.wfu")
(check (namestring (compile-file-pathname "core/x.lisp" :output-file "core/y")) => "core/y.wfu")
(check (namestring (compile-file-pathname "core/x.lisp" :output-file "y")) => "core/y.wfu")
(check (namestring (compile-file-pathname "core/x.lisp" :output-file "out/")) => "out/x.wfu")
(check (let* ((source (cf-write (cf-name "lisp") "(defun cf-of () 1)")) (output (cf-name "other")))
         (unwind-protect (list (equal (namestring (compile-file source :output-file output)) output) (load output) (cf-of))
           (delete-file source) (delete-file output)))
       => (t t 1))

;;; LOAD without type: the newer one of source and unit.
(check (let* ((name (cf-name "x")) (base (subseq name 0 (position #\. name))) (source (concatenate 'string base ".lisp")) (unit (concatenate 'string base ".wfu")))
         (cf-write source "(setq cl-test::*cf-log* :source)")
         (compile-file source)
         (cf-write source "(setq cl-test::*cf-log* :newer)")
         (let ((results '()))
           (load source) (push *cf-log* results)
           (load unit) (push *cf-log* results)
           (delete-file source)
           (setq *cf-log* nil)
           (load base) (push *cf-log* results)
           (delete-file unit)
           (nreverse results)))
       => (:newer :source :source))
(check (let ((unit (cf-compile "(setq cl-test::*cf-log* :streamed)")))
         (unwind-protect (with-open-file (s unit :element-type '(unsigned-byte 8)) (load s) *cf-log*) (delete-file unit)))
       => :streamed)
(check (let ((out (make-string-output-stream)) (unit (cf-compile "(+ 1 2)")))
         (unwind-protect (let ((*standard-output* out)) (load unit :print t) (not (null (search "3" (get-output-stream-string out))))) (delete-file unit)))
       => t)
(check (with-compilation-unit (:override t) (cf "(defun cf-wcu () 3)" (cf-wcu))) => 3)

;;; -- Debug information --

(check (let ((ext:*save-debug-information* nil)) (cf "(defun cf-bare (x) \"Doc.\" (lambda () x))" (list (funcall (cf-bare 3)) (documentation 'cf-bare 'function)))) => (3 nil))
(check (handler-case (let ((ext:*save-debug-information* nil)) (cf "(defun cf-bare-2 (x) (car x))" (cf-bare-2 5))) (type-error (c) (type-error-datum c))) => 5)
(check (let ((ext:*save-debug-information* nil)) (cf "(defun cf-bare-3 (x) x)" (stringp (prin1-to-string #'cf-bare-3)))) => t)

;;; The same bytes from the same source.
(check (let ((source (cf-write (cf-name "lisp") "(defun cf-bytes (x) (list x 'a \"b\" (lambda (y) (+ x y)))) (defstruct cf-bs a) (defclass cf-bc () (x))")) (all '()))
         (dotimes (i 2)
           (let ((unit (compile-file source)))
             (with-open-file (s unit :element-type '(unsigned-byte 8))
               (let ((bytes (make-array (file-length s) :element-type '(unsigned-byte 8)))) (read-sequence bytes s) (push bytes all)))
             (delete-file unit)))
         (delete-file source)
         (equalp (first all) (second all)))
       => t)
