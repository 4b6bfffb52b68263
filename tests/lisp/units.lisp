;;; units.lisp: compiled files as they are loaded, held, and let go.
;;;
;;; A unit is mapped while a function over its code can be reached or runs.  Whether it is mapped the process's own map says.

(defvar *u-log* '())
(defvar *u-state* (make-random-state t))
(defvar *u-names* '())

(defun u-name (type)
  (let ((name (format nil "/tmp/windfall-test-unit-~D.~A" (random 1000000000 *u-state*) type)))
    (push name *u-names*)
    name))

(defun u-unit (text)
  "The name of a unit made of the text."
  (let* ((source (u-name "lisp")) (unit (concatenate 'string (subseq source 0 (- (length source) 4)) "wfu")))
    (with-open-file (out source :direction :output :if-exists :supersede) (write-string text out))
    (let ((*error-output* (make-broadcast-stream))) (handler-bind ((warning #'muffle-warning)) (compile-file source :output-file unit)))
    (delete-file source)
    (push unit *u-names*)
    unit))

(defun u-maps (unit)
  "How many times the file is mapped."
  (with-open-file (in "/proc/self/maps")
    (let ((count 0) (name (namestring unit)))
      (loop (let ((line (read-line in nil))) (unless line (return count)) (when (search name line) (incf count)))))))

(defun u-collect () (gc) (gc) nil)

(defmacro u-gone (unit) `(progn (u-collect) (u-maps ,unit)))

;;; -- A unit nobody needs --

(defvar *u-1* (u-unit "(defun u-one (x) (list x 1))"))
(load *u-1*)
(check (u-one 5) => (5 1))
(check (u-gone *u-1*) => 1)
(check (progn (fmakunbound 'u-one) (u-gone *u-1*)) => 0)
(check (progn (load *u-1*) (load *u-1*) (load *u-1*) (u-gone *u-1*)) => 1)
(check (progn (defun u-one (x) x) (u-gone *u-1*)) => 0)

;;; Only top-level forms: gone as soon as they have run.
(check (let ((unit (u-unit "(setq cl-test::*u-log* (list 1 2))"))) (load unit) (list *u-log* (u-gone unit))) => ((1 2) 0))

;;; -- Closures --

(defvar *u-2* (u-unit "(defun u-adder (n) (lambda (x) (+ x n)))
                       (defun u-nested (a) (lambda (b) (lambda (c) (lambda (d) (list a b c d)))))
                       (defun u-mutual (k) (labels ((even (n) (if (= n 0) k (odd (- n 1)))) (odd (n) (if (= n 0) (- k) (even (- n 1))))) #'odd))
                       (defun u-plain () (lambda (x) (* x x)))
                       (defun u-cell () (let ((n 0)) (values (lambda () (incf n)) (lambda (v) (setq n v)))))"))
(defun u-forget () (mapc #'fmakunbound '(u-adder u-nested u-mutual u-plain u-cell)) nil)

(defvar *u-kept* nil)
(check (progn (load *u-2*) (setq *u-kept* (u-adder 3)) (u-forget) (list (u-gone *u-2*) (funcall *u-kept* 4))) => (1 7))
(check (progn (setq *u-kept* nil) (u-gone *u-2*)) => 0)
(check (progn (load *u-2*) (setq *u-kept* (funcall (funcall (u-nested 1) 2) 3)) (u-forget) (list (u-gone *u-2*) (funcall *u-kept* 4))) => (1 (1 2 3 4)))
(check (progn (setq *u-kept* nil) (u-gone *u-2*)) => 0)
(check (progn (load *u-2*) (setq *u-kept* (u-nested 1)) (u-forget) (u-collect) (setq *u-kept* (funcall *u-kept* 2)) (u-collect) (setq *u-kept* (funcall *u-kept* 3))
              (list (u-gone *u-2*) (funcall *u-kept* 4))) => (1 (1 2 3 4)))
(check (progn (setq *u-kept* nil) (u-gone *u-2*)) => 0)
(check (progn (load *u-2*) (setq *u-kept* (u-mutual 9)) (u-forget) (list (u-gone *u-2*) (funcall *u-kept* 7) (funcall *u-kept* 8))) => (1 9 -9))
(check (progn (setq *u-kept* nil) (u-gone *u-2*)) => 0)
(check (progn (load *u-2*) (setq *u-kept* (u-plain)) (u-forget) (list (u-gone *u-2*) (funcall *u-kept* 7))) => (1 49))
(check (progn (setq *u-kept* nil) (u-gone *u-2*)) => 0)
(check (progn (load *u-2*) (setq *u-kept* (multiple-value-list (u-cell))) (u-forget)
              (list (u-gone *u-2*) (funcall (first *u-kept*)) (funcall (second *u-kept*) 10) (funcall (first *u-kept*)))) => (1 1 10 11))
(check (progn (setq *u-kept* (first *u-kept*)) (list (u-gone *u-2*) (funcall *u-kept*))) => (1 12))
(check (progn (setq *u-kept* nil) (u-gone *u-2*)) => 0)

;;; Mutually recursive functions that capture nothing refer to each other by their constants.
(defvar *u-3* (u-unit "(defun u-parity (n) (labels ((e (n) (if (= n 0) :even (o (- n 1)))) (o (n) (if (= n 0) :odd (e (- n 1))))) (list (e n) #'e #'o)))"))
(check (progn (load *u-3*) (setq *u-kept* (second (u-parity 1))) (fmakunbound 'u-parity) (list (u-gone *u-3*) (funcall *u-kept* 5))) => (1 :odd))
(check (progn (setq *u-kept* nil) (u-gone *u-3*)) => 0)

;;; -- Frames --

(defvar *u-4* (u-unit "(defun u-deep (n f) (if (= n 0) (funcall f) (let ((r (u-deep (- n 1) f))) (list* n r))))
                       (defun u-block (f) (block out (funcall f (lambda (x) (return-from out (list :out x)))) :in))
                       (defun u-guard (f) (unwind-protect (funcall f) (push :cleaned cl-test::*u-log*)))
                       (defun u-signal (x) (error \"wrong: ~S\" x))"))
(defun u-forget-4 () (mapc #'fmakunbound '(u-deep u-block u-guard u-signal)) nil)

;;; The unit is replaced and collected while frames of it are on the stack.
(check (progn (load *u-4*)
              (u-deep 20 (lambda () (load *u-1*) (u-forget-4) (push (u-gone *u-4*) *u-log*) (list (u-maps *u-4*)))))
       => (20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 1))
(check (u-gone *u-4*) => 0)
(check (progn (load *u-4*) (u-deep 3 (lambda () (defun u-deep (n f) (declare (ignore n f)) '(:new)) (u-collect) '(:end)))) => (3 2 1 :end))
(check (progn (u-forget-4) (u-gone *u-4*)) => 0)
;;; A non-local exit into it.
(check (progn (load *u-4*) (u-block (lambda (exit) (u-forget-4) (u-collect) (funcall exit 5)))) => (:out 5))
(check (u-gone *u-4*) => 0)
(check (progn (setq *u-log* '()) (load *u-4*) (catch 'u-tag (u-guard (lambda () (u-forget-4) (u-collect) (throw 'u-tag 1)))) (list *u-log* (u-gone *u-4*))) => ((:cleaned) 0))
;;; An exit that outlives its frame keeps the code, and is an error.
(check (let ((exit nil)) (load *u-4*) (u-block (lambda (e) (setq exit e))) (u-forget-4) (u-collect) (list (u-maps *u-4*) (handler-case (funcall exit 1) (control-error () :gone)))) => (1 :gone))
(check (u-gone *u-4*) => 0)
;;; An error, its condition kept.
(check (progn (load *u-4*) (setq *u-kept* (handler-case (u-signal 3) (error (c) c))) (u-forget-4) (list (u-gone *u-4*) (princ-to-string *u-kept*))) => (0 "wrong: 3"))
(check (progn (load *u-4*)
              (handler-bind ((error (lambda (c) (u-forget-4) (u-collect) (push c *u-log*) (use-value 7 c) (throw 'u-out (u-maps *u-4*)))))
                (catch 'u-out (u-signal 3)))) => 1)
(check (progn (setq *u-log* '()) (u-gone *u-4*)) => 0)
;;; Other conditions, whose slots hold what the program did wrong and not who did it.
(defvar *u-17* (u-unit "(defun u-wrong-type (x) (car x)) (defun u-wrong-count (x) x) (defun u-wrong-key (&key a) a) (defun u-undefined (x) (u-no-such-function x))
                        (defun u-unbound () (symbol-value (intern \"U-NO-VALUE\" \"CL-TEST\"))) (defun u-divide (x) (/ x 0)) (defun u-index (v) (aref v 9))
                        (defun u-no-method () (make-load-form (list 1))) (defun u-stop () (restart-case (error \"stop\") (u-restart () :report \"r\" 1))) (defun u-warn () (warn \"w\"))
                        (defun u-control () (throw (list 1) 2)) (defun u-check (x) (check-type x string) x) (defun u-assert (x) (assert (eql x 1)) x) (defun u-case (x) (ecase x (1 2)))
                        (defgeneric u-generic-17 (x)) (defmethod u-generic-17 ((x integer)) (call-next-method)) (defclass u-class-17 () ((u-slot))) (defun u-slot (x) (slot-value x 'u-slot))"))
(defvar *u-17-names* '(u-wrong-type u-wrong-count u-wrong-key u-undefined u-unbound u-divide u-index u-no-method u-stop u-warn u-control u-check u-assert u-case u-generic-17 u-slot))
(check (let ((conditions '()))
         (load *u-17*)
         (loop for (name . arguments) in `((u-wrong-type 5) (u-wrong-count) (u-wrong-count 1 2) (u-wrong-key :b 1) (u-undefined 1) (u-unbound) (u-divide 1) (u-index #(1 2)) (u-no-method) (u-stop) (u-warn)
                                           (u-control) (u-check 1) (u-assert 2) (u-case 3)
                                           (u-generic-17 1) (u-generic-17 'a) (u-generic-17) (u-slot 1) (u-slot ,(make-instance 'u-class-17)))
               do (push (handler-case (progn (apply name arguments) :none) (condition (c) c)) conditions))
         (mapc #'fmakunbound *u-17-names*)
         (list (count :none conditions) (length conditions) (u-gone *u-17*) (every #'stringp (mapcar #'princ-to-string conditions))))
       => (0 20 0 t))
;;; A backtrace kept as data has names and places, and nothing that holds code.
(defvar *u-18* (u-unit "(defun u-bt-outer (x f)
                          (list (u-bt-inner (lambda () x) f)))
                        (defun u-bt-inner (closure f)
                          (list closure (funcall (lambda (y) (let ((bt (backtrace-as-list))) (funcall f bt) (list y bt))) 3)))"))
(check (progn (load *u-18*)
              (u-bt-outer 5 (lambda (frames) (setq *u-kept* frames)))
              (mapc #'fmakunbound '(u-bt-outer u-bt-inner))
              (u-gone *u-18*))
       => 0)
(check (let ((frame (find 'u-bt-outer *u-kept* :key #'first))) (list (first frame) (first (second frame)) (pathname-type (third frame)) (fourth frame))) => (u-bt-outer "5" "lisp" 2))
(check (fourth (find 'u-bt-inner *u-kept* :key #'first)) => 4)
(check (labels ((plain (x) (typecase x (cons (and (plain (car x)) (plain (cdr x)))) (t (typep x '(or symbol string integer)))))) (plain *u-kept*)) => t)
(check (let ((text (progn (load *u-18*) (u-bt-outer 5 (lambda (frames) (declare (ignore frames)) (setq *u-kept* (with-output-to-string (s) (print-backtrace :stream s))))) *u-kept*)))
         (list (not (null (search "U-BT-OUTER" text))) (not (null (search "U-BT-INNER" text)))))
       => (t t))
(check (progn (mapc #'fmakunbound '(u-bt-outer u-bt-inner)) (u-gone *u-18*)) => 0)
;;; Names that are lists, or symbols that nobody interned.
(check (let ((name (make-symbol "U-BT-NAME")) (frames nil))
         (eval `(defun ,name (f) (list (funcall f))))
         (let ((function (fdefinition name))) (funcall function (lambda () (setq frames (backtrace-as-list :count 5)) 1)))
         (let ((found (find "U-BT-NAME" frames :key (lambda (frame) (if (symbolp (first frame)) (symbol-name (first frame)) "")) :test #'string=)))
           (list (<= (length frames) 5) (eq (first found) name) (symbol-package (first found)))))
       => (t nil nil))

;;; -- Loading --

;;; A load that fails in the middle.
(defvar *u-5* (u-unit "(defun u-before () 1) (error \"stop\") (defun u-after () 2)"))
(check (load *u-5*) =!> simple-error)
(check (list (u-before) (fboundp 'u-after) (u-gone *u-5*)) => (1 nil 1))
(check (progn (fmakunbound 'u-before) (u-gone *u-5*)) => 0)
(check (progn (catch 'u-5 (handler-bind ((error (lambda (c) (declare (ignore c)) (throw 'u-5 nil)))) (load *u-5*))) (fmakunbound 'u-before) (u-gone *u-5*)) => 0)

;;; A unit that loads another, and itself.
(defvar *u-6* (u-unit "(defun u-inner () :inner)"))
(defvar *u-7* (u-unit (format nil "(defun u-outer () (list :outer (u-inner))) (load ~S) (setq cl-test::*u-log* (u-outer))" *u-6*)))
(check (progn (load *u-7*) *u-log*) => (:outer :inner))
(check (progn (fmakunbound 'u-inner) (list (u-gone *u-6*) (u-maps *u-7*))) => (0 1))
(check (progn (fmakunbound 'u-outer) (u-gone *u-7*)) => 0)
(defvar *u-depth* 0)
(defvar *u-8* (u-unit "(incf cl-test::*u-depth*) (when (< cl-test::*u-depth* 5) (load *load-truename*)) (push cl-test::*u-depth* cl-test::*u-log*)"))
(check (progn (setq *u-log* '() *u-depth* 0) (load *u-8*) (list *u-log* (u-gone *u-8*))) => ((5 5 5 5 5) 0))

;;; A unit that undefines itself while it is loaded.
(defvar *u-9* (u-unit "(defun u-self () (fmakunbound 'u-self) (gc) (list :still :here)) (setq cl-test::*u-log* (u-self)) (gc) (push 1 cl-test::*u-log*)"))
(check (progn (load *u-9*) (list *u-log* (u-gone *u-9*))) => ((1 :still :here) 0))

;;; -- What could hold a unit by accident --

(defvar *u-10* (u-unit "(defclass u-class () ((x :initform (list 1) :accessor u-x)))
                        (defgeneric u-generic (x))
                        (defmethod u-generic ((x u-class)) (list :class (u-x x)))
                        (defmethod u-generic ((x integer)) (list :integer x))
                        (defmacro u-macro (x) `(list ,x))
                        (defstruct u-struct a (b (list 2)))
                        (define-compiler-macro u-cm (x) `(list ,x))
                        (defun (setf u-place) (v x) (setf (car x) v))
                        (deftype u-type () '(integer 0 3))
                        (defvar *u-var* (list 1))
                        (define-condition u-condition (error) () (:report (lambda (c s) (declare (ignore c)) (write-string \"u\" s))))"))
(defun u-unload (unit) (multiple-value-bind (bytes held) (unload unit) (list (plusp bytes) held)))
(check (progn (load *u-10*) (list (u-generic (make-instance 'u-class)) (u-generic 3) (eval '(u-macro 2)) (u-struct-b (make-u-struct)))) => ((:class (1)) (:integer 3) (2) (2)))
(check (u-unload *u-10*) => (t nil))
(check (list (fboundp 'u-generic) (fboundp 'u-macro) (find-class 'u-class nil) (boundp '*u-var*) (fboundp '(setf u-place)) (fboundp 'make-u-struct)) => (nil nil nil nil nil nil))
(check (u-gone *u-10*) => 0)
;;; Method caches: a generic function of ours with a method of a unit.
(defgeneric u-cached (x))
(defmethod u-cached ((x symbol)) :symbol)
(defvar *u-11* (u-unit "(defmethod u-cached ((x integer)) (list :unit x)) (defmethod u-cached :around ((x string)) (list (call-next-method))) (defmethod u-cached ((x string)) x)"))
(check (progn (load *u-11*) (list (u-cached 1) (u-cached "a") (u-cached 'b) (u-cached 1))) => ((:unit 1) ("a") :symbol (:unit 1)))
(check (progn (load *u-11*) (u-cached 1) (u-gone *u-11*)) => 1)
(check (u-unload *u-11*) => (t nil))
(check (list (u-cached 'c) (u-gone *u-11*)) => (:symbol 0))
(check (u-cached 1) =!> error)
;;; TRACE
(defvar *u-12* (u-unit "(defun u-traced (x) (* x 2))"))
(check (let ((*trace-output* (make-broadcast-stream))) (load *u-12*) (eval '(trace u-traced)) (prog1 (u-traced 2) (u-unload *u-12*))) => 4)
(check (u-gone *u-12*) => 0)
(check (let ((*trace-output* (make-broadcast-stream))) (load *u-12*) (eval '(trace u-traced)) (u-traced 2) (load *u-12*) (prog1 (u-traced 3) (u-collect))) => 6)
(check (u-maps *u-12*) => 1)
(check (progn (eval '(untrace)) (fmakunbound 'u-traced) (u-gone *u-12*)) => 0)
;;; Literal data of a unit do not hold it; nor do its names, structures of its types, its strings.
(defvar *u-13* (u-unit "(defun u-literal () '(1 \"two\" #(3))) (defun u-symbol () 'a-symbol-of-the-unit)"))
(check (progn (load *u-13*) (setq *u-kept* (list (u-literal) (u-symbol) (ignore-errors (nth-value 2 (function-lambda-expression #'u-literal))))) (fmakunbound 'u-literal) (fmakunbound 'u-symbol)
              (list (u-gone *u-13*) (first *u-kept*))) => (0 (1 "two" #(3))))
;;; Finalizers that call into the unit.
(defvar *u-14* (u-unit "(defun u-final (x) (push (list :final x) cl-test::*u-log*)) (defun u-register (x) (terminate-when-unreachable x (lambda (y) (u-final-2 y))) nil)
                        (defun u-final-2 (y) (push (list :two (car y)) cl-test::*u-log*))"))
(check (progn (setq *u-log* '()) (load *u-14*) (u-register (list 7)) (u-collect) (drain-termination-queue) *u-log*) => ((:two 7)))
(check (progn (setq *u-log* '()) (terminate-when-unreachable (list 8) #'u-final) (fmakunbound 'u-final) (u-collect) (drain-termination-queue) (list *u-log* (u-maps *u-14*))) => (((:final (8))) 1))
(defvar *u-15* (u-unit "(setq cl-test::*u-kept* nil) (terminate-when-unreachable (list 9) (lambda (x) (push (list :unit-is-gone-soon x) cl-test::*u-log*)))"))
(check (progn (setq *u-log* '()) (load *u-15*) (u-collect) (drain-termination-queue) (list *u-log* (u-gone *u-15*))) => (((:unit-is-gone-soon (9))) 0))
(check (progn (mapc #'fmakunbound '(u-register u-final-2)) (u-gone *u-14*)) => 0)
;;; Hash tables, weak pointers.
(defvar *u-16* (u-unit "(defun u-weak () 1)"))
(check (let ((pointer (progn (load *u-16*) (make-weak-pointer #'u-weak)))) (fmakunbound 'u-weak) (u-collect) (list (weak-pointer-value pointer) (u-maps *u-16*))) => (nil 0))
(defvar *u-table* (make-hash-table :weakness :value))
(check (progn (load *u-16*) (setf (gethash 1 *u-table*) #'u-weak) (fmakunbound 'u-weak) (u-collect) (list (hash-table-count *u-table*) (u-maps *u-16*))) => (0 0))
(check (let ((table (make-hash-table))) (load *u-16*) (setf (gethash 1 table) #'u-weak) (fmakunbound 'u-weak) (u-collect) (list (u-maps *u-16*) (funcall (gethash 1 table)))) => (1 1))
(check (u-gone *u-16*) => 0)

;;; -- UNITS and UNLOAD --

(defun u-described (name) (find (namestring name) (units) :key #'unit-file :test #'string=))
(check (progn (fmakunbound 'u-one) (u-described *u-1*)) => nil)
(check (progn (load *u-2*) (let ((u (u-described *u-2*))) (list (plusp (unit-code-bytes u)) (>= (unit-functions u) 5)))) => (t t))
(check (let ((u (u-described *u-2*))) (search "u" (prin1-to-string u)) (u-forget) (list (u-gone *u-2*) (not (null (search "gone" (prin1-to-string u)))))) => (0 t))
(check (multiple-value-list (unload "/tmp/no-such-unit.wfu")) => (0 nil))
;;; A receipt that says who holds it.
(defvar *u-holder* nil)
(check (progn (load *u-2*) (setq *u-holder* (u-adder 1))
              (multiple-value-bind (bytes held) (unload *u-2*) (list bytes (length held) (fboundp 'u-adder) (not (null (search "*U-HOLDER*" (prin1-to-string held)))))))
       => (0 1 nil t))
(check (funcall *u-holder* 2) => 3)
(check (progn (setq *u-holder* nil) (u-gone *u-2*)) => 0)
;;; UNLOAD leaves what was defined anew.
(check (progn (load *u-1*) (defun u-one (x) (list :mine x)) (unload *u-1*) (u-one 1)) => (:mine 1))

;;; -- PURIFY takes the code; the file goes --

(check (progn (load *u-2*) (setq *u-kept* (u-mutual 4)) (setq *u-log* (u-nested 1)) (purify)
              (list (u-maps *u-2*) (funcall *u-kept* 3) (funcall (funcall (funcall *u-log* 2) 3) 4) (funcall (u-adder 1) 2) (pure-p #'u-adder)))
       => (0 4 (1 2 3 4) 3 t))
(check (progn (impurify) (list (funcall *u-kept* 4) (funcall (u-adder 3) 2))) => (-4 5))
(check (progn (load *u-4*) (u-deep 5 (lambda () (purify) (list (u-maps *u-4*))))) => (5 4 3 2 1 0))
(check (progn (setq *u-kept* nil *u-log* '()) (u-forget) (u-forget-4) (impurify) (u-gone *u-2*)) => 0)

;;; -- Many cycles --

;;; 10,000 times; with a collection at every safe point 50 times.
(defvar *u-cycles* (if (ext:getenv "WINDFALL_TORTURE") 50 10000))
(check (progn (dotimes (i *u-cycles*) (load *u-1*) (u-one i)) (u-gone *u-1*)) => 1)
(check (progn (dotimes (i *u-cycles*) (load *u-1*) (u-one i) (fmakunbound 'u-one)) (u-gone *u-1*)) => 0)
(check (let ((most 0))
         (dotimes (i *u-cycles*)
           (load *u-2*)
           (setq *u-kept* (if (evenp i) (u-mutual i) (funcall (u-nested i) 1)))
           (when (zerop (mod i 500)) (setq most (max most (u-gone *u-2*)))))
         (u-forget)
         (list most (u-gone *u-2*)))
       => (1 1))
(check (progn (setq *u-kept* nil) (u-gone *u-2*)) => 0)
(check (let ((units (loop for i below 10 collect (u-unit (format nil "(defun u-rotating () ~D)" i)))) (ok t))
         (dotimes (i 300) (load (nth (mod i 10) units)) (unless (= (u-rotating) (mod i 10)) (setq ok nil)))
         (u-collect)
         (list ok (reduce #'+ units :key #'u-maps)))
       => (t 1))
;;; A file that changes.
(check (let ((name (u-name "lisp")) (unit nil) (results '()))
         (dotimes (i 30)
           (with-open-file (out name :direction :output :if-exists :supersede) (format out "(defun u-changing () ~D)" i))
           (setq unit (compile-file name))
           (load unit)
           (push (= i (u-changing)) results))
         (push (namestring unit) *u-names*)
         (list (remove t results) (u-gone unit)))
       => (nil 1))
;;; Nothing grows.
(defun u-bytes () (u-collect) (+ (windfall-system::%generation-bytes 3) (windfall-system::%generation-bytes 2) (windfall-system::%generation-bytes 1) (windfall-system::%foreign-bytes)))
(check (let ((unit (u-unit "(defvar *u-n* 0) (incf *u-n*) (defun u-grow (x) (flet ((f (y) (lambda () (list x y)))) (funcall (f 1)))) (defclass u-grown () ((a :initform 1 :accessor u-grown-a)))
                            (defmethod u-grow-method ((x u-grown)) (list x)) (defmacro u-grow-macro (x) x) (defstruct u-grow-struct a b)")))
         (dotimes (i 50) (load unit))
         (let ((before (u-bytes))) (dotimes (i 300) (load unit)) (< (- (u-bytes) before) (* 1/100 before))))
       => t)

;;; -- Damage --

(defun u-octets (name)
  (with-open-file (in name :element-type '(unsigned-byte 8))
    (let ((octets (make-array (file-length in) :element-type '(unsigned-byte 8)))) (read-sequence octets in) octets)))
(defun u-put (name octets)
  (with-open-file (out name :element-type '(unsigned-byte 8) :direction :output :if-exists :supersede) (write-sequence octets out)))

(defun u-damage (count)
  "Loads damaged copies of a unit; how many were refused with an error, how many loaded and gave the right answer, how many did something else."
  (let* ((octets (u-octets *u-2*)) (name (u-name "wfu")) (state (make-random-state nil)) (refused 0) (right 0) (wrong 0))
    (dotimes (i count)
      (let ((copy (if (oddp i) (copy-seq octets) (subseq octets 0 (random (length octets) state)))))
        (when (oddp i)
          (let ((at (random (length copy) state))) (setf (aref copy at) (logxor (aref copy at) (ash 1 (random 8 state))))))
        (u-put name copy)
        (handler-case (progn (load name) (if (eql (ignore-errors (funcall (u-adder 1) 2)) 3) (incf right) (incf wrong)))
          (error () (incf refused)))))
    (u-forget)
    (list (+ refused right) wrong (u-gone name))))
(check (u-damage 400) => (400 0 0))
(check (let ((name (u-name "wfu"))) (u-put name (concatenate '(vector (unsigned-byte 8)) (u-octets *u-1*) #(0))) (load name)) =!> file-error)
(check (let ((name (u-name "wfu"))) (u-put name (subseq (u-octets *u-1*) 0 50)) (load name)) =!> file-error)
(check (let ((name (u-name "wfu")) (octets (u-octets *u-1*))) (setf (aref octets 8) 99) (u-put name octets) (handler-case (load name) (file-error (c) (not (null (search "version" (princ-to-string c))))))) => t)

(dolist (name *u-names*) (when (probe-file name) (delete-file name)))
