;;; life.lisp: what is redefined or dropped is gone.  Loaded by life.sh; each line that begins with PASS or FAIL counts.
;;;
;;; (STAYS name warm n form...) does the forms WARM times and then N times more, with I counting, and compares the process after each, fully collected:
;;; resident memory, bytes of code, and all bytes that are alive must be equal within 1 %.  (GONE name form) evaluates FORM, a list of objects
;;; that a program has let go of, and looks by weak pointers whether they are really gone.
(defvar *i* 0)
(defun scrub (&optional (n 100)) (if (= n 0) (list 1 2 3) (let ((x (scrub (1- n)))) (cdr (append x (list n))))))
;;; The address sanitizer keeps what was freed, and notes about it: with it resident memory says nothing.
(defun resident () (if (ext:getenv "ASAN_OPTIONS") 0 (with-open-file (s "/proc/self/statm") (read s) (* 4096 (read s)))))
(defun census ()
  "Resident bytes; bytes of code, in the heap, in pure space and mapped; bytes of everything in the heap."
  (scrub)
  (dotimes (k 4) (ext:gc))
  (let ((rows (sys::%heap-census 3)))
    (list (resident)
          (+ (third (assoc "CODE-VECTOR" rows :test #'string=)) (ext:pure-bytes) (sys::%foreign-bytes))
          (reduce #'+ (remove "FILLER" rows :key #'first :test #'string=) :key #'third))))
(census)
(defun near (a b) "B is at most one in a hundred more than A." (<= b (* a 101/100)))
(defun outcome (passed control &rest arguments)
  (format t "~&~:[FAIL~;PASS~] ~?~%" passed control arguments)
  (finish-output))
(defun call-stays (name warm n once)
  (setq *i* 0)
  (flet ((cycle () (incf *i*) (funcall once)))
    (dotimes (k warm) (cycle))
    (let ((before (census)))
      (dotimes (k n) (cycle))
      (let ((after (census)))
        (outcome (every #'near before after) "~A, ~:D times: resident, code, all: ~{~:D ~}-> ~{~:D ~}" name n before after)))))
(defmacro stays (name warm n &body body) `(call-stays ,name ,warm ,n (compile nil '(lambda () ,@body))))
(defun weak-all (function) (mapcar #'ext:make-weak-pointer (funcall function)))
(defun call-gone (name function)
  (let ((pointers (weak-all function)))
    (scrub)
    (ext:gc)
    (ext:gc)
    (let ((left (count-if #'ext:weak-pointer-value pointers)))
      (outcome (zerop left) "~A: ~D objects, ~D left" name (length pointers) left)
      (unless (zerop left) (ext:why-live (find-if #'identity (mapcar #'ext:weak-pointer-value pointers)))))))
(defmacro gone (name &body body) `(call-gone ,name (lambda () ,@body)))
(defun name (control) (intern (format nil control *i*)))
(defmacro quietly (&body body) `(handler-bind ((warning #'muffle-warning)) ,@body))

;;; -- Functions --
(defun big-source (k)
  "A function of some fifty lines."
  `(lambda (x y &optional (z ,k))
     (let ((acc 0) (items nil) (tab (make-array 8 :initial-element ,k)))
       (flet ((note (v) (push v items) v) (clip (v) (if (> v 100000) (mod v 9973) v)))
         (dotimes (i 4) (setf (aref tab i) (+ i x ,k)) (incf acc (aref tab i)))
         (cond ((< x 0) (decf acc x) (note :negative))
               ((= x 0) (incf acc ,(* 2 k)) (note :zero))
               ((and (> x 10) (< y 10)) (dotimes (j 3) (incf acc (* j y)) (note j)))
               (t (note (list x y z)) (setq acc (clip (+ acc (* x y))))))
         (labels ((walk (l n) (cond ((null l) n)
                                    ((numberp (car l)) (walk (cdr l) (+ n (car l))))
                                    ((consp (car l)) (walk (cdr l) (walk (car l) n)))
                                    (t (walk (cdr l) (1+ n))))))
           (incf acc (walk items 0)))
         (let ((s (case (mod ,k 5) (0 "zero") (1 "one") (2 "two") (3 "three") (t "many"))))
           (incf acc (length s))
           (when (and items (string= s "two")) (incf acc)))
         (do ((i 0 (1+ i)) (p items (cdr p))) ((or (null p) (>= i 5))) (when (symbolp (car p)) (incf acc i)))
         (block scan (dolist (it items) (when (eql it ,k) (return-from scan nil)) (setq acc (logxor acc 1))))
         (multiple-value-bind (q r) (floor acc 7) (values (+ (* q 7) r z) (lambda (w) (+ w acc ,k)) items))))))
(stays "a function of fifty lines redefined by COMPILE" 100 20000
  (setf (fdefinition 'victim) (compile nil (big-source *i*))) (funcall 'victim 3 *i*))
(stays "DEFUN redefined" 100 2000 (eval `(defun again (x) "doc" (+ x ,*i*))) (again 1))
(stays "functions under new names, undefined and uninterned" 100 2000
  (let ((s (name "F~D")))
    (eval `(progn (defun ,s (x) (+ x ,*i*)) (defun (setf ,s) (v x) (list v x))))
    (funcall s 1) (fmakunbound s) (fmakunbound `(setf ,s)) (unintern s)))
(stays "functions of uninterned names" 100 2000 (let ((s (gensym))) (eval `(defun ,s (x) "doc" (+ x ,*i*))) (funcall s 1)))
(stays "a recursive function and its closures" 100 2000
  (let ((f (compile nil `(lambda (n) (labels ((down (k) (if (= k 0) (lambda () (down ,*i*)) (up (1- k)))) (up (k) (down k))) (down n))))))
    (funcall f 5)))
(stays "compiled lambdas dropped" 100 5000 (funcall (compile nil `(lambda (x) (let ((y (+ x ,*i*))) (lambda () (incf y))))) 3))
(stays "inline functions" 100 1000
  (let ((s (name "IN~D")))
    (proclaim `(inline ,s)) (eval `(defun ,s (x) (+ x ,*i*))) (funcall (compile nil `(lambda (y) (,s y))) 1) (fmakunbound s) (unintern s)))
(stays "functions traced" 20 200
  (eval `(defun traced (x) (+ x ,*i*))) (eval '(trace traced)) (with-output-to-string (*trace-output*) (traced 3)) (eval '(untrace traced)))
(stays "functions that nobody defines" 100 1000
  (quietly (let ((s (gensym))) (compile nil `(lambda () (,s ,(gensym)))) (ignore-errors (funcall s)) (ignore-errors (symbol-value s)))))

;;; -- Macros, places, types --
(stays "macros redefined and dropped" 100 2000
  (eval `(defmacro m (x) (list '+ x ,*i*))) (eval '(m 2))
  (let ((s (gensym))) (eval `(defmacro ,s (x) "doc" x)) (eval (list s 2))))
(stays "compiler macros redefined and dropped" 100 1000
  (eval `(define-compiler-macro again (x) (list '+ x ,*i*)))
  (let ((s (gensym))) (eval `(define-compiler-macro ,s (x) x)) (compile nil `(lambda () (,s 2)))))
(stays "symbol macros" 100 1000
  (eval `(define-symbol-macro sm (car ',(list *i*)))) (let ((s (gensym))) (eval `(define-symbol-macro ,s (car ',(list *i*))))))
(stays "DEFSETFs redefined and dropped" 100 1000
  (eval `(defsetf place (x) (v) (list 'setf (list 'car x) v ,*i*)))
  (eval `(define-setf-expander place2 (x) (list x ,*i*)))
  (let ((s (gensym))) (eval `(defsetf ,s (x) (v) (list 'foo x v)))))
(stays "DEFTYPEs redefined, used and dropped" 100 1000
  (eval `(deftype ty () '(integer 0 ,*i*))) (typep 3 'ty) (subtypep 'ty 'integer) (compile nil `(lambda (x) (declare (type ty x)) x))
  (let ((s (gensym))) (eval `(deftype ,s () '(member ,*i* 3))) (typep 2 s) (subtypep s 'integer)))
(stays "variables and constants redefined and dropped" 100 1000
  (eval `(progn (defvar *x* ,*i*) (defparameter *y* ,*i* "doc") (proclaim '(type integer *y*))))
  (let ((s (gensym))) (eval `(defparameter ,s ',(list *i*) "doc")) (proclaim `(type list ,s)) (eval `(let ((,s 2)) ,s)))
  (let ((s (gensym))) (eval `(defconstant ,s ,*i*)) (proclaim `(ftype (function (t) t) ,s))))
(stays "LOOP, FORMAT and other macros that compile much" 100 500
  (eval `(loop for x in '(1 2 ,*i*) for y across #(1 2) when (evenp x) collect (list x y))) (eval `(format nil "~D ~A" ,*i* 3)))

;;; -- Structures, classes, conditions --
(stays "a structure redefined" 20 300 (quietly (eval `(defstruct pt (x ,*i*) y))))
(stays "structures dropped" 600 600
  (quietly
    (let ((s (name "ST~D")))
      (eval `(defstruct ,s x y)) (funcall (name "MAKE-ST~D") :x 1) (setf (find-class s) nil)
      (dolist (f '("MAKE-ST~D" "COPY-ST~D" "ST~D-P" "ST~D-X" "ST~D-Y" "ST~D")) (let ((z (name f))) (fmakunbound z) (unintern z))))))
(stays "a class redefined, with its instances" 50 500
  (eval `(defclass c () ((a :initarg :a :accessor c-a :initform ,*i*) ,@(if (oddp *i*) '(b)))))
  (c-a (make-instance 'c)))
(defgeneric user (x) (:method ((x integer)) 1))
(stays "classes, their accessors and methods dropped" 600 600
  (let ((s (name "CL~D")) (a (name "CLA~D")))
    (eval `(defclass ,s (c) ((q :initarg :q :accessor ,a))))
    (let ((m (eval `(defmethod user ((x ,s)) (list (,a x) (slot-value x 'q))))) (o (make-instance s :q 3)))
      (user o) (funcall (fdefinition `(setf ,a)) 4 o) (prin1-to-string o)
      (remove-method #'user m)
      (setf (find-class s) nil) (fmakunbound a) (fmakunbound `(setf ,a)) (unintern s) (unintern a))))
(stays "generic functions redefined and dropped" 600 600
  (eval `(defmethod user ((x string)) ,*i*)) (user "a")
  (let ((s (name "GF~D")))
    (eval `(defgeneric ,s (x) (:method ((x integer)) x) (:method :around ((x t)) (call-next-method)))) (funcall s 3) (fmakunbound s) (unintern s)))
(stays "EQL methods" 300 500
  (let ((m (eval `(defmethod user ((x (eql ',(list *i*)))) ,*i*)))) (user 3) (remove-method #'user m)))
(stays "conditions defined, signalled and dropped" 300 300
  (let ((s (name "CO~D")))
    (eval `(define-condition ,s (error) ((a :initarg :a)) (:report (lambda (c s) (declare (ignore c)) (princ ,*i* s)))))
    (handler-case (error s :a 1) (error (e) (princ-to-string e)))
    (setf (find-class s) nil) (unintern s)))
(stays "method combinations" 50 300 (let ((s (gensym))) (eval `(define-method-combination ,s :operator +))))
(stays "instances that change their class to ones that go" 300 300
  (let ((s (gensym)) (o (make-instance 'c))) (eval `(defclass ,s () ((a :initarg :a)))) (change-class o s) (setf (find-class s) nil)))

;;; -- Symbols, tables, the rest --
(stays "symbols interned and dropped" 1000 50000 (let ((s (name "SYM~D"))) (setf (get s 'a) (list 1) (symbol-value s) *i*) (unintern s)))
(stays "packages" 100 1000
  (let* ((p (make-package (format nil "P~D" *i*) :use '("CL"))) (q (make-package (format nil "Q~D" *i*) :use (list p))))
    (export (intern "BAR" p) p) (intern "X" q) (eval `(defun ,(intern "FOO" p) () 1)) (delete-package q) (delete-package p)))
(defvar *table* (make-hash-table :test 'eq))
(stays "keys by address in a table" 1000 20000 (let ((k (list *i*))) (setf (gethash k *table*) k) (remhash k *table*)))
(defvar *weak* (make-hash-table :test 'eq :weakness :key))
(stays "keys in a weak table" 20000 40000 (let ((k (list *i*))) (setf (gethash k *weak*) k)) (when (zerop (mod *i* 5000)) (ext:gc)))
(stays "hash tables" 100 2000 (let ((h (make-hash-table :test 'equal))) (dotimes (j 20) (setf (gethash (list *i* j) h) j))))
(stays "closures" 1000 20000 (let ((x (list *i*))) (funcall (lambda (y) (lambda () (cons x y))) 1)))
(stays "finalizers" 100 5000 (ext:terminate-when-unreachable (list *i*) (lambda (x) x)) (when (zerop (mod *i* 500)) (ext:gc)))
(stays "errors, restarts, throws" 100 2000
  (handler-case (error "foo ~D" *i*) (error (e) (princ-to-string e)))
  (ignore-errors (car *i*)) (restart-case (invoke-restart 'foo) (foo () 1)) (catch *table* (throw *table* 3)))
(stays "readtables and streams" 100 1000
  (let ((*readtable* (copy-readtable))) (set-macro-character #\! (lambda (s c) (declare (ignore s c)) *i*)) (read-from-string "!"))
  (with-output-to-string (s) (print *i* s)))
(stays "documentation, DESCRIBE, DISASSEMBLE" 50 300
  (setf (documentation 'again 'function) (format nil "~D" *i*) (documentation (gensym) 'function) "x")
  (with-output-to-string (*standard-output*) (disassemble (compile nil `(lambda (x) (+ x ,*i*)))) (describe 'again) (describe #'user)))

;;; -- Units: the same file loaded again and again, and changed, under ten names --
(defun write-victim (path &optional (n 0))
  (with-open-file (s path :direction :output :if-exists :supersede)
    (format s "(defvar *loads* 0) (incf *loads*)~%(defstruct loaded-~D a b)~%" n)
    (dotimes (k 50) (format s "(defun unit-~D-~D (x &key (y ~D)) \"doc\" (let ((l (list x y ~D))) (mapcar (lambda (z) (list z l \"s~D\")) l)))~%" n k k n k)))
  (let ((*error-output* (make-broadcast-stream))) (compile-file path)))
(defun scratch (name) (format nil "~A/~A" (or (ext:getenv "LIFE_SCRATCH") "/tmp") name))
(let ((unit (write-victim (scratch "same.lisp"))))
  (stays "a unit of fifty functions loaded" 100 2000 (load (scratch "same.wfu")))
  (outcome (= 1 (count (namestring unit) (ext:units) :key #'ext:unit-file :test #'string=)) "one unit is left of 2,100 loaded: ~S" (ext:units)))
(dotimes (n 10) (write-victim (scratch (format nil "rotate~D.lisp" n)) n))
(stays "units under ten names in turn" 100 2000 (load (scratch (format nil "rotate~D.wfu" (mod *i* 10)))))
(stays "a unit that is compiled anew and loaded" 100 2000 (quietly (write-victim (scratch "changed.lisp") (mod *i* 2))) (quietly (load (scratch "changed.wfu"))))
(defun mapped () (with-open-file (s "/proc/self/maps") (loop for line = (read-line s nil) while line count (search ".wfu" line))))
(ext:gc)
(outcome (<= (mapped) 13) "files that are still mapped: ~D" (mapped))

;;; -- Pure space: purified, redefined, brought back --
(stays "PURIFY, redefine, IMPURIFY" 100 1000
  (eval `(defun pure-victim (x) (list x ,*i* "text"))) (ext:purify) (pure-victim 1)
  (eval `(defun pure-victim (x) (list ,*i* x "other text"))) (ext:impurify))
(stays "PURIFY and IMPURIFY of a unit" 100 300
  (load (scratch "rotate1.wfu")) (ext:purify) (load (scratch "rotate1.wfu")) (ext:impurify))

;;; -- By weak pointers: gone at the first full collection --
(gone "300 classes by (SETF FIND-CLASS), and their methods"
  (loop for i below 300
        for s = (make-symbol "CLASS")
        for m = (progn (eval `(defclass ,s (c) ((a :initarg :a :initform (list 1)))))
                       (eval `(defmethod user ((x ,s)) (slot-value x 'a))))
        for class = (find-class s)
        for o = (make-instance s :a i)
        do (user o) (prin1-to-string o) (remove-method #'user m) (setf (find-class s) nil)
        append (list s class m o)))
(gone "300 classes whose methods stayed in a generic function that went"
  (loop for i below 300
        for s = (make-symbol "CLASS") for g = (make-symbol "GENERIC")
        do (eval `(defclass ,s () ())) (eval `(defgeneric ,g (x) (:method ((x ,s)) 1))) (funcall g (make-instance s))
        append (list (find-class s) (fdefinition g))
        do (setf (find-class s) nil) (fmakunbound g)))
(gone "classes under interned names, then uninterned"
  (loop for i below 100
        for s = (intern (format nil "NAMED~D" i)) for a = (intern (format nil "NAMED-A~D" i))
        do (eval `(defclass ,s (c) ((a :accessor ,a :initform 1)))) (funcall a (make-instance s))
        append (list s a (find-class s) (fdefinition a))
        do (fmakunbound a) (fmakunbound `(setf ,a)) (unintern a) (unintern s)))
(outcome (<= (length (sys::%direct-subclasses (find-class 'c))) 1) "the superclass has no subclasses left: ~D" (length (sys::%direct-subclasses (find-class 'c))))
(gone "conditions, once signalled"
  (loop for i below 50
        for s = (make-symbol "CONDITION")
        do (eval `(define-condition ,s (error) ())) (handler-case (error s) (error (e) (princ-to-string e)))
        collect (find-class s)))
(gone "structures"
  (loop for i below 50
        for s = (make-symbol "STRUCTURE")
        do (eval `(defstruct (,s (:constructor nil) (:predicate nil) (:copier nil) (:conc-name nil))))
        collect (find-class s) collect s))
(gone "the old definition of a function, at once"
  (loop for i below 100
        do (eval `(defun redefined (x) (lambda () (+ x ,i))))
        collect (fdefinition 'redefined) collect (redefined 2)
        finally (fmakunbound 'redefined)))
(gone "a function that was called, traced, advised by a macro, documented, and failed with a backtrace"
  (loop for i below 20
        for s = (make-symbol "FUNCTION")
        do (eval `(defun ,s (x) "doc" (car x)))
           (ignore-errors (funcall s 1))
           (handler-case (funcall s 1) (error (e) (princ-to-string e)))
        collect (fdefinition s) collect s))
(defun resumed (n) (eval `(defun resumed (n) (list :new ,n ,@'(n)))) (ext:gc) (list :old n))
(outcome (and (equal (resumed 1) '(:old 1)) (equal (resumed 2) '(:new 1 2))) "a function that redefines itself while it runs ends as it began")
