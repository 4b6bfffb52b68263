;;; unload.lisp: UNLOAD takes back what a compiled file defined, all of it, and nothing else.

(defvar *ul-state* (make-random-state t))
(defvar *ul-names* '())

(defun ul-unit (&rest texts)
  "The name of a unit made of the texts."
  (let* ((base (format nil "/tmp/windfall-test-unload-~D" (random 1000000000 *ul-state*)))
         (source (concatenate 'string base ".lisp")) (unit (concatenate 'string base ".wfu")))
    (with-open-file (out source :direction :output :if-exists :supersede) (format out "~{~A~%~}" texts))
    (handler-bind ((warning #'muffle-warning)) (let ((*error-output* (make-broadcast-stream))) (compile-file source)))
    (delete-file source)
    (push unit *ul-names*)
    unit))

(defun ul-mapped (unit)
  "How many times the file is mapped, as the process's own map says."
  (with-open-file (in "/proc/self/maps")
    (let ((count 0))
      (loop (let ((line (read-line in nil))) (unless line (return count)) (when (search unit line) (incf count)))))))

(defun ul-unload (unit)
  "Whether bytes were freed, how many units are held, whether the file is still mapped."
  (multiple-value-bind (bytes held) (unload unit) (list (plusp bytes) (length held) (ul-mapped unit))))

(defun ul-known (name)
  "What the system knows of a symbol."
  (append (if (fboundp name) '(:function)) (if (macro-function name) '(:macro)) (if (fboundp `(setf ,name)) '(:setf-function))
          (if (boundp name) '(:value)) (if (constantp name) '(:constant)) (if (find-class name nil) '(:class)) (if (compiler-macro-function name) '(:compiler-macro))
          (if (nth-value 1 (macroexpand-1 name)) '(:symbol-macro)) (if (nth-value 1 (windfall-system::type-expand name)) '(:type))
          (loop for (kind) on '(function variable type structure setf method-combination) when (documentation name kind) collect kind)
          (if (zerop (windfall-system::%symbol-flags name)) '() '(:flags))
          (loop for key in '(windfall-system::%setf-expander windfall-system::%method-combination windfall-system::%structure windfall-system::%structure-accessor
                             windfall-system::%inline-declared windfall-system::%inline-expansion windfall-system::%global-type windfall-system::%global-ftype
                             windfall-system::%definers windfall-system::%symbol-macro-expansion windfall-system::%documentation)
                when (windfall-system::%info name key) collect key)))
(defun ul-all-known (prefix)
  "All symbols of this package that begin so and of which anything is known."
  (let ((found '()))
    (do-symbols (s "CL-TEST" found)
      (when (and (eql (mismatch prefix (symbol-name s)) (length prefix)) (ul-known s)) (push (cons s (ul-known s)) found)))))

;;; -- Each kind of definition --

(defvar *ul-all* (ul-unit
  "(defun ula-function (x) \"doc\" x) (defun (setf ula-place) (v x) (setf (car x) v)) (defmacro ula-macro (x) \"doc\" x)
   (define-compiler-macro ula-function (x) x) (define-compiler-macro (setf ula-place) (v x) `(setf (car ,x) ,v))
   (setf (documentation 'ula-function 'function) \"other doc\")
   (defgeneric ula-generic (x) (:documentation \"d\")) (defmethod ula-generic ((x integer)) x) (defmethod ula-generic :around ((x t)) (call-next-method))
   (defgeneric ula-empty (x)) (defmethod ula-implicit ((x string)) x) (defmethod (setf ula-generic) (v x) (list v x))
   (defclass ula-class () ((s :initform 1 :accessor ula-s :reader ula-r :writer ula-w)) (:documentation \"d\"))
   (defclass ula-subclass (ula-class) ((u :accessor ula-u)))
   (defstruct ula-struct \"doc\" a (b 2 :read-only t)) (defstruct (ula-child (:include ula-struct)) c)
   (defstruct (ula-list (:type list) :named) a b) (defstruct (ula-vector (:type vector) (:conc-name ula-v-)) a b)
   (define-condition ula-condition (error) ((a :reader ula-condition-a)) (:report \"r\"))
   (deftype ula-type (&optional x) \"doc\" (declare (ignore x)) 'integer)
   (defsetf ula-short ula-writer \"doc\") (defsetf ula-long (x) (v) \"doc\" `(setf (car ,x) ,v))
   (define-setf-expander ula-expander (x) \"doc\" (values nil nil (list (gensym)) x x)) (define-modify-macro ula-modify (y) +)
   (define-symbol-macro ula-symbol-macro 3)
   (defvar *ula-variable* 1 \"doc\") (defvar *ula-unbound*) (defparameter *ula-parameter* 2 \"doc\") (defconstant ula-constant 3 \"doc\")
   (define-method-combination ula-operator :operator + :documentation \"doc\")
   (define-method-combination ula-combination () ((all ())) `(progn ,@(mapcar (lambda (m) `(call-method ,m)) all)))
   (declaim (inline ula-inline)) (defun ula-inline (x) x) (declaim (notinline ula-notinline)) (defun ula-notinline (x) x)
   (declaim (special *ula-special*) (type integer *ula-variable*) (integer *ula-integer*) (ftype (function (t) t) ula-ftype) (declaration ula-declaration))"))

;;; Compiling has defined some of it already.
(check (progn (load *ul-all*) (unload *ul-all*) (append (ul-all-known "ULA-") (ul-all-known "*ULA-"))) => nil)
(check (progn (load *ul-all*) (>= (length (ul-all-known "ULA-")) 35)) => t)
(check (list (ula-function 1) (ula-generic 2) (ula-struct-b (make-ula-child)) (eval '(let ((l (list 1 2))) (setf (ula-long l) 5) l)) *ula-variable* ula-constant (eval 'ula-symbol-macro) (typep 1 'ula-type))
       => (1 2 2 (5 2) 1 3 3 t))
(check (ul-unload *ul-all*) => (t 0 0))
(check (append (ul-all-known "ULA-") (ul-all-known "*ULA-")) => nil)
(check (member 'ula-declaration windfall-system::*declarations*) => nil)
;;; Loaded three times, used, and unloaded by one of its descriptions.
(dotimes (i 3) (load *ul-all*) (ula-generic i) (setf (ula-s (make-instance 'ula-subclass)) 4) (make-ula-struct))
(check (multiple-value-bind (bytes held) (unload (find *ul-all* (units) :key #'unit-file :test #'string=)) (list (plusp bytes) held)) => (t nil))
(check (append (ul-all-known "ULA-") (ul-all-known "*ULA-")) => nil)
;;; What is left of it is usable for other things.
(check (progn (eval '(defun ula-constant (ula-constant) (list ula-constant))) (eval '(define-symbol-macro *ula-variable* 4)) (eval '(list (ula-constant 1) *ula-variable*))) => ((1) 4))
(check (eval '(let ((*ula-special* 1) (f nil)) (setq f (lambda () *ula-special*)) (let ((*ula-special* 2)) (declare (ignorable *ula-special*)) (funcall f)))) => 1)

;;; -- What others have defined stays --

(defvar *ul-a* (ul-unit "(defun ulb-f () :a) (defun ulb-g () :a) (defvar *ulb-v* :a) (defvar *ulb-w* :a) (defclass ulb-c () ((a :initform :a))) (defclass ulb-d () ((d :accessor ulb-acc :initform :a)))
                         (defgeneric ulb-gen (x)) (defmethod ulb-gen ((x integer)) :a) (defmethod ulb-gen ((x string)) :a) (defmacro ulb-m () :a) (deftype ulb-t () 'integer)
                         (defsetf ulb-s a) (define-symbol-macro ulb-sm :a) (defstruct ulb-st a) (declaim (type symbol *ulb-v*))"))
(defvar *ul-b* (ul-unit "(defun ulb-f () :b) (defparameter *ulb-v* :b) (defclass ulb-c () ((b :initform :b))) (defmethod ulb-gen ((x integer)) :b) (defmethod ulb-gen ((x symbol)) :b)
                         (defmethod ulb-acc ((x (eql 1))) :b) (defmacro ulb-m () :b) (deftype ulb-t () 'symbol) (defsetf ulb-s b) (define-symbol-macro ulb-sm :b) (defstruct ulb-st a)"))
(check (progn (load *ul-a*) (load *ul-b*) (ul-unload *ul-a*)) => (t 0 0))
(check (list (ulb-f) (fboundp 'ulb-g) *ulb-v* (boundp '*ulb-w*) (slot-value (make-instance 'ulb-c) 'b) (find-class 'ulb-d nil)) => (:b nil :b nil :b nil))
(check (list (ulb-gen 1) (ulb-gen 'x) (ulb-acc 1) (eval '(ulb-m)) (typep 'x 'ulb-t) (eval 'ulb-sm) (ulb-st-a (make-ulb-st :a 1)) (macroexpand '(setf (ulb-s x) 1))) => (:b :b :b :b t :b 1 (b x 1)))
(check (ulb-gen "x") =!> error)
(check (ul-unload *ul-b*) => (t 0 0))
(check (append (ul-all-known "ULB-") (ul-all-known "*ULB-")) => nil)
;;; The same, defined anew by evaluation.
(check (progn (load *ul-a*)
              (handler-bind ((warning #'muffle-warning))
                (eval '(progn (defun ulb-f () :e) (defparameter *ulb-v* :e) (defclass ulb-c () ((e :initform :e))) (defmethod ulb-gen ((x string)) :e) (defgeneric ulb-gen (x))
                        (defmacro ulb-m () :e) (deftype ulb-t () 'string) (define-symbol-macro ulb-sm :e) (defsetf ulb-s e))))
              (ul-unload *ul-a*)) => (t 0 0))
(check (list (ulb-f) (fboundp 'ulb-g) *ulb-v* (boundp '*ulb-w*) (slot-value (make-instance 'ulb-c) 'e) (ulb-gen "x") (eval '(ulb-m)) (typep "x" 'ulb-t) (eval 'ulb-sm) (find-class 'ulb-st nil))
       => (:e nil :e nil :e :e :e t :e nil))
(check (ulb-gen 1) =!> error)
;;; A variable that was there before is not the unit's; nor is a generic function.
(defvar *ulc-mine* 1)
(defgeneric ulc-mine (x))
(defvar *ul-c* (ul-unit "(defvar *ulc-mine* 2) (defvar *ulc-its* 2) (defmethod ulc-mine ((x integer)) x) (defun ulc-f () 1)"))
(check (progn (load *ul-c*) (load *ul-c*) (list (ul-unload *ul-c*) *ulc-mine* (boundp '*ulc-its*) (fboundp 'ulc-mine) (fboundp 'ulc-f))) => ((t 0 0) 1 nil t nil))
;;; A source file that a unit loads is not the unit.
(check (let ((source (format nil "/tmp/windfall-test-unload-~D.lisp" (random 1000000000 *ul-state*))))
         (with-open-file (out source :direction :output) (write-string "(defvar *uld-source* 1) (defclass uld-source () ())" out))
         (let ((unit (ul-unit (format nil "(load ~S) (defvar *uld-unit* 1) (defun uld-f () 1)" source))))
           (load unit)
           (delete-file source)
           (list (ul-unload unit) *uld-source* (class-name (find-class 'uld-source)) (boundp '*uld-unit*))))
       => ((t 0 0) 1 uld-source nil))
;;; Of two loads of one file that are both in use, the older one's description takes only its own code back.
(defvar *ul-e* (ul-unit "(defun ule-f () 1) (defun ule-make () (lambda () :held)) (defvar *ule-v* 1)"))
(check (let ((old nil) (held nil))
         (load *ul-e*)
         (setq held (ule-make) old (find *ul-e* (units) :key #'unit-file :test #'string=))
         (load *ul-e*)
         (multiple-value-bind (bytes paths) (unload old) (list bytes (length paths) (ule-f) *ule-v* (funcall held))))
       => (0 1 1 1 :held))
(check (ul-unload *ul-e*) => (t 0 0))
(check (list (fboundp 'ule-f) (boundp '*ule-v*)) => (nil nil))
;;; A file without functions is unmapped at once, and can be unloaded nevertheless; one that is no more, too.
(defvar *ul-f* (ul-unit "(defvar *ulf-v* 1) (defclass ulf-c () ()) (define-symbol-macro ulf-sm 1)"))
(check (progn (load *ul-f*) (nth-value 1 (unload *ul-f*))) => nil)
(check (append (ul-all-known "ULF-") (ul-all-known "*ULF-")) => nil)
(check (progn (load *ul-f*) (delete-file *ul-f*) (unload *ul-f*) (append (ul-all-known "ULF-") (ul-all-known "*ULF-"))) => nil)
;;; Packages and their symbols stay.
(defvar *ul-g* (ul-unit "(defpackage \"ULG-PACKAGE\" (:use \"CL\") (:export \"F\"))" "(in-package \"ULG-PACKAGE\")" "(defun f () 'x)"))
(check (progn (load *ul-g*) (ul-unload *ul-g*)) => (t 0 0))
(check (list (package-name (find-package "ULG-PACKAGE")) (fboundp (find-symbol "F" "ULG-PACKAGE"))) => ("ULG-PACKAGE" nil))

;;; -- Who still holds or runs it --

(defvar *ulh-holder* nil)
(defvar *ul-h* (ul-unit "(defun ulh-run (f) (list :before (funcall f) :after (ulh-helper 4) (funcall (ulh-closure 5))))" "(defun ulh-helper (x) (* x x))" "(defun ulh-closure (y) (lambda () y))"
                        "(defun ulh-unload-me (name) (list (multiple-value-list (unload name)) (flet ((local (x) (list x x))) (mapcar #'local '(1 2)))))"))
;;; Its frame goes on: what it calls by a global name is undefined, as it was asked for; what it has, works.
(check (progn (load *ul-h*) (handler-case (ulh-run (lambda () (unload *ul-h*) 1)) (undefined-function (c) (cell-error-name c)))) => ulh-helper)
(check (ul-mapped *ul-h*) => 1)
(check (progn (gc) (ul-mapped *ul-h*)) => 0)
(check (progn (load *ul-h*) (destructuring-bind ((bytes held) local) (ulh-unload-me *ul-h*) (list bytes (length held) (not (null (search "stack" (prin1-to-string held)))) local))) => (0 1 t ((1 1) (2 2))))
(check (progn (gc) (ul-mapped *ul-h*)) => 0)
(check (progn (load *ul-h*) (setq *ulh-holder* (list (vector (ulh-closure 7))))
              (multiple-value-bind (bytes held) (unload *ul-h*) (list bytes (length held) (not (null (search "*ULH-HOLDER*" (prin1-to-string held)))) (funcall (svref (car *ulh-holder*) 0)))))
       => (0 1 t 7))
(check (progn (setq *ulh-holder* nil) (rest (ul-unload *ul-h*))) => (0 0))
;;; The receipt counts what nobody held any more when it was asked for, unless a collection came first.
(check (progn (load *ul-h*) (mapc #'fmakunbound '(ulh-run ulh-helper ulh-closure ulh-unload-me)) (list (let ((bytes (unload *ul-h*))) (or (plusp bytes) (and (ext:getenv "WINDFALL_TORTURE") t))) (ul-mapped *ul-h*))) => (t 0))

;;; PURIFY makes units part of the world.
(check (progn (load *ul-a*) (purify) (list (multiple-value-list (unload *ul-a*)) (ulb-g) *ulb-w*)) => ((0 nil) :a :a))
(impurify)

;;; Nothing grows.
(defun ul-bytes () (gc) (gc) (loop for generation below 4 sum (windfall-system::%generation-bytes generation)))
(check (progn (fmakunbound 'ula-f) (eval '(fmakunbound '*ulb-v*))
              (dotimes (i (if (ext:getenv "WINDFALL_TORTURE") 2 20)) (load *ul-b*) (load *ul-c*) (unload *ul-b*) (unload *ul-c*))
              (let ((before (ul-bytes)))
                (dotimes (i (if (ext:getenv "WINDFALL_TORTURE") 4 100)) (load *ul-b*) (load *ul-c*) (unload *ul-b*) (unload *ul-c*))
                (< (ul-bytes) (* 101/100 before))))
       => t)

(dolist (name *ul-names*) (when (probe-file name) (delete-file name)))
