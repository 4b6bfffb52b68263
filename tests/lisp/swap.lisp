;;; swap.lisp: swapped code: it runs as resident code does, wherever it lies; it is collected; and what cannot be fetched is a condition.

(defvar *size* (setsbsize))
(defmacro swapped (&rest names) `(progn ,@(mapcar (lambda (name) `(mkswap ',name)) names)))

;;; -- Going and coming --
(defun s-plain (x y) "A plain function." (list x y (+ x y)))
(mkunswap 's-plain) ; under torture it is swapped already
(check (list (scodep 's-plain) (ccodep 's-plain) (scodep 'car) (ccodep 'car) (scodep 's-nothing) (ccodep "x")) => (nil t nil nil nil nil))
(check (mkswap 's-plain) => s-plain)
(check (list (scodep 's-plain) (scodep #'s-plain) (ccodep 's-plain) (s-plain 1 2)) => (t t t (1 2 3)))
(check (list (documentation 's-plain 'function) (functionp #'s-plain) (compiled-function-p #'s-plain)) => ("A plain function." t t))
(check (progn (setf (documentation 's-plain 'function) "Another.") (setsbsize 8) (gc) (documentation 's-plain 'function)) => "Another.")
(check (prin1-to-string #'s-plain) => "#<FUNCTION S-PLAIN>")
(check (let ((text (with-output-to-string (*standard-output*) (disassemble 's-plain)))) (not (null (search "ADD R" text)))) => t)
(check (progn (mkswap 's-plain) (mkswap #'s-plain) (s-plain 1 2)) => (1 2 3))
(check (progn (mkunswap 's-plain) (list (scodep 's-plain) (s-plain 3 4))) => (nil (3 4 7)))
(check (mkswap 's-undefined) =!> undefined-function)
(check (mkswap 5) =!> error)

;;; The manual's list: resident and swapped at once.
(defun (setf s-place) (new list) (setf (car list) new))
(defmacro s-macro (x) `(list ,x ,x))
(swapped (setf s-place) s-macro)
(check (let ((l (list 1 2))) (setf (s-place l) 5) (list l (scodep '(setf s-place)))) => ((5 2) t))
(check (list (eval '(s-macro 3)) (scodep 's-macro)) => ((3 3) t))

;;; -- Calls --
(defun s-fib (n) (if (< n 2) n (+ (s-fib (- n 1)) (s-fib (- n 2)))))
(defun s-even (n) (if (= n 0) t (s-odd (- n 1))))
(defun s-odd (n) (if (= n 0) nil (s-even (- n 1))))
(defun s-args (a &optional (b 2) &rest r &key (c 3) &allow-other-keys) (list a b r c))
(defun s-values (n) (values-list (loop for i below n collect i)))
(swapped s-fib s-even s-odd s-args s-values)
(check (s-fib 15) => 610)
(check (list (s-even 100001) (s-odd 100001)) => (nil t))
(check (list (s-args 1) (s-args 1 5 :c 7) (apply #'s-args 1 2 '(:d 4)) (funcall 's-args 9)) => ((1 2 nil 3) (1 5 (:c 7) 7) (1 2 (:d 4) 3) (9 2 nil 3)))
(check (list (multiple-value-list (s-values 0)) (multiple-value-list (s-values 5)) (multiple-value-call #'list (s-values 2) (s-values 3))) => (nil (0 1 2 3 4) (0 1 0 1 2)))
(check (mapcar #'s-fib '(1 2 3 4 5)) => (1 1 2 3 5))
(check (sort (list 3 1 2) (progn (defun s-less (a b) (< a b)) (mkswap 's-less) #'s-less)) => (1 2 3))
(check (s-args) =!> program-error)
(check (handler-case (s-args) (error (c) (princ-to-string c))) => "Too few arguments: S-ARGS was called with 0.")
(check (s-fib :x) =!> type-error)
(check (handler-bind ((type-error (lambda (c) (declare (ignore c)) (use-value 1)))) (length (list (s-even 0) (handler-case (s-fib 'a) (type-error () 0))))) => 2)

;;; Closures, those made before too.
(defun s-counter (n) (values (lambda () (incf n)) (lambda () (decf n))))
(defun s-mutual (k) (labels ((up (n) (if (> n k) n (down (+ n 2)))) (down (n) (up (- n 1)))) (list #'up #'down (up 0))))
(defvar *before* (multiple-value-list (s-counter 10)))
(swapped s-counter s-mutual)
(check (list (funcall (first *before*)) (funcall (second *before*)) (funcall (first *before*))) => (11 10 11))
(check (mapcar #'scodep *before*) => (t t))
(check (let ((after (multiple-value-list (s-counter 5)))) (list (funcall (first after)) (funcall (first after)) (funcall (second after)))) => (6 7 6))
(check (destructuring-bind (up down value) (s-mutual 7) (list (funcall up 3) (funcall down 3) value)) => (8 8 8))
(check (let ((f (first *before*))) (mkunswap 's-counter) (list (scodep f) (funcall f))) => (nil 12))

;;; Exits.
(defun s-throw (x) (throw 's-tag (values x :thrown)))
(defun s-catch (x) (multiple-value-list (catch 's-tag (s-throw x) :not-reached)))
(defun s-block (f) (block nil (funcall f (lambda (x) (return x))) :not-reached))
(defun s-protect (f log) (unwind-protect (funcall f) (push :cleaned (car log))))
(defun s-tagbody (n) (let ((i 0)) (tagbody again (incf i) (when (< i n) (s-call (lambda () (go again))))) i))
(defun s-call (f) (funcall f))
(swapped s-throw s-catch s-block s-protect s-tagbody s-call)
(check (s-catch 5) => (5 :thrown))
(check (s-block (lambda (f) (s-call (lambda () (funcall f 7))))) => 7)
(check (let ((log (list nil))) (list (catch 's-tag (s-protect (lambda () (s-throw 1)) log)) log)) => (1 ((:cleaned))))
(check (s-tagbody 5) => 5)
(check (let ((log (list nil))) (list (multiple-value-list (s-protect (lambda () (values 1 2 3)) log)) log)) => ((1 2 3) ((:cleaned))))

;;; Methods, and the functions of conditions, structures, special bindings.
(defgeneric s-generic (x) (:method ((x integer)) (list :integer x)) (:method ((x symbol)) (if x (list :symbol x) (call-next-method))) (:method ((x t)) :any))
(defmethod s-generic :around ((x (eql 3))) (cons :three (call-next-method)))
(check (list (mkswap 's-generic) (scodep 's-generic) (s-generic 3) (s-generic 'a) (s-generic nil) (s-generic "x")) => (s-generic t (:three :integer 3) (:symbol a) :any :any))
(check (progn (mkunswap 's-generic) (list (scodep 's-generic) (s-generic 4))) => (nil (:integer 4)))
(defvar *special* 1)
(defun s-special (f) (let ((*special* (+ *special* 1))) (funcall f)))
(swapped s-special)
(check (list (s-special (lambda () (s-special (lambda () *special*)))) *special*) => (3 1))

;;; -- A buffer that is hardly large enough: callers are evicted --
(defun s-a (n) (if (= n 0) '(0) (cons n (s-b (- n 1)))))
(defun s-b (n) (if (= n 0) '(0) (cons (- n) (s-c (- n 1)))))
(defun s-c (n) (handler-case (if (= n 0) (error "end") (cons (* 2 n) (s-a (- n 1)))) (error () (list :end))))
(swapped s-a s-b s-c)
(check (progn (setsbsize 1) (list (s-a 10) (s-catch 3) (s-fib 12) (s-tagbody 3))) => ((10 -9 16 7 -6 10 4 -3 4 1 0) (3 :thrown) 144 3))
(check (setsbsize 64) => 1)

;;; SETSBSIZE from inside swapped code.
(defun s-resize (n) (let ((old (setsbsize n))) (list old (setsbsize) (s-fib 5))))
(swapped s-resize)
(check (list (s-resize 2) (s-resize 100) (setsbsize 64)) => ((64 2 5) (2 100 5) 100))
(check (setsbsize -1) =!> type-error)
(check (setsbsize 1.5) =!> type-error)
(check (setsbsize (expt 2 40)) =!> type-error)

;;; A function that swaps, unswaps and redefines itself while it runs.
(defun s-self (x) (mkswap 's-self) (let ((y (* x 2))) (mkunswap 's-self) (mkswap 's-self) (list x y (scodep 's-self))))
(check (list (s-self 3) (s-self 4)) => ((3 6 t) (4 8 t)))
(defun s-again (x) (eval '(defun s-again (x) (list :new x))) (mkswap 's-again) (gc) (list :old x (s-again x)))
(swapped s-again)
(check (list (s-again 1) (s-again 2)) => ((:old 1 (:new 1)) (:new 2)))

;;; -- The collector --
(defun arrays () (getf (swap-statistics) :arrays))
(defun s-litter (n) (dotimes (i n) (let ((f (compile nil `(lambda (x) (list x ,i "litter"))))) (mkswap f) (funcall f 1))))
(check (let ((before (progn (gc) (gc) (arrays)))) (s-litter 50) (gc) (gc) (<= (- (arrays) before) 1)) => t)
(check (let ((before (progn (gc) (arrays)))) (dotimes (i 20) (eval `(defun s-often (x) (list x ,i))) (mkswap 's-often) (s-often 1)) (gc) (gc) (list (<= (- (arrays) before) 2) (s-often 2))) => (t (2 19)))
(check (let ((file (progn (gc) (getf (swap-statistics) :file)))) (dotimes (i 20) (s-litter 50) (gc)) (< (- (getf (swap-statistics) :file) file) 100000)) => t)
;;; What constants refer to lives, moves, and is found again.
(defvar *weak* nil)
(defun s-constants () '(a "b" #(c) (1.5d0 123456789012345678901234567890)))
(swapped s-constants)
(check (progn (dotimes (i 4) (gc i) (setsbsize 64)) (gc) (s-constants)) => (a "b" #(c) (1.5d0 123456789012345678901234567890)))
(defun s-young (tail) (let ((f (compile nil `(lambda () ',(list :young tail))))) (mkswap f) (setsbsize 64) f))
(check (let ((fs (loop for i below 20 collect (s-young (list i (make-string 3 :initial-element #\x)))))) (dotimes (g 4) (gc (min g 2)) (make-list 1000) (setsbsize 64))
         (gc) (and (loop for f in fs for i from 0 always (equal (funcall f) `(:young (,i "xxx")))) (verify-heap))) => 0)
(check (let ((object (list 1))) (setq *weak* (make-weak-pointer object)) (let ((f (compile nil `(lambda () ',object)))) (mkswap f) (setsbsize 64) (setq object nil) (gc) (list (weak-pointer-value *weak*) (funcall f)))) => ((1) (1)))
(defun scrub (n) (if (= n 0) 0 (+ 1 (scrub (- n 1)))))
(check (progn (scrub 1000) (gc) (gc) (weak-pointer-value *weak*)) => nil)
;;; A handle is held by what holds it, and no longer.
(defvar *handle* (list (make-weak-pointer (mkswap (vector 1 2 3)))))
(check (let ((h (mkswap (vector :a :b)))) (setq *handle* (list (make-weak-pointer h) h)) (gc) (eq (weak-pointer-value (first *handle*)) h)) => t)
(check (progn (setf (second *handle*) nil) (scrub 1000) (gc) (gc) (weak-pointer-value (first *handle*))) => nil)
(check (let ((table (make-hash-table :test 'eq :weakness :key)) (h (mkswap (vector 1)))) (setf (gethash h table) :here (gethash (mkswap (vector 2)) table) :gone) (scrub 1000) (gc) (gc)
         (list (hash-table-count table) (gethash h table))) => (1 :here))
(check (let* ((inner (mkswap (vector :inner))) (outer (mkswap (vector inner (list inner))))) (setq inner nil) (scrub 100) (setsbsize 64) (gc) (gc)
         (let ((v (mkunswap outer))) (list (eq (aref v 0) (car (aref v 1))) (mkunswap (aref v 0))))) => (t #(:inner)))
(check (verify-heap) => 0)

;;; -- Pure space --
(check (progn (purify) (list (s-fib 10) (s-constants) (scodep 's-fib) (plusp (impurify)) (s-fib 10) (s-constants) (verify-heap))) => (55 (a "b" #(c) (1.5d0 123456789012345678901234567890)) t t 55 (a "b" #(c) (1.5d0 123456789012345678901234567890)) 0))

;;; -- Who keeps what: the path leads through swapped code and arrays --
(defun s-keeper () '(a "kept by code"))
(defun s-nest () (lambda () '("kept by inner code")))
(defvar *s-vector* (mkswap (vector 1 (mkswap (make-array '(2 2) :initial-element nil)))))
(defvar *s-table* (mkswap (make-hash-table)))
(defvar *s-kept* nil)
(swapped s-keeper s-nest)
;;; The last COUNT steps to what the weak pointer points to.
(defun path-to (weak count) (gc) (mapcar #'second (last (why-live (weak-pointer-value weak) nil) count)))
(check (path-to (make-weak-pointer (second (s-keeper))) 5) => ("function" "code" "constant 1" "cdr" "car"))
(check (path-to (make-weak-pointer (first (funcall (s-nest)))) 6) => ("function" "code" "constant 1" "code" "constant 1" "car"))
(check (progn (setf (aref (aref *s-vector* 1) 1 0) (list (copy-seq "kept by array")) *s-kept* (make-weak-pointer (aref (aref *s-vector* 1) 1 0))) (setsbsize 64) (path-to *s-kept* 3)) => ("value" "element 1" "element 2"))
(check (progn (setf (gethash 'key *s-table*) (list 'value) *s-kept* (make-weak-pointer (gethash 'key *s-table*))) (path-to *s-kept* 2)) => ("value" "entry"))
(check (let ((text (with-output-to-string (s) (why-live (second (s-keeper)) s)))) (not (null (search "constant of function S-KEEPER" text)))) => t)
(check (mapcar #'second (last (why-live (svref *s-vector* 1) nil) 2)) => ("value" "element 1"))
