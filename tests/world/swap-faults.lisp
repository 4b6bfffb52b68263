;;; swap-faults.lisp: shadow space is damaged while arrays are away.    windfall --shadow FILE --load swap-faults.lisp --eval '(run-faults FILE SEED ROUNDS)'
;;;
;;; Each round evicts everything, flips a bit of the shadow file, or cuts or overwrites a piece of it, and then uses all swapped functions and arrays.  What is used gives what it
;;; gives resident, or signals a SHADOW-SPACE-ERROR; in some rounds a handler mends the file and invokes RETRY, after which the result must be right; in
;;; others the error is caught, sometimes after a full collection, and what cannot be read any more is made anew.  Whatever was not damaged stays right.
;;; The last line is "rounds N errors N mended N lost N wrong N".

(defpackage "FAULTS" (:use "COMMON-LISP" "WINDFALL") (:export "RUN-FAULTS"))
(in-package "FAULTS")

(defvar *state* 1)
(defun draw (n)
  "A number below N."
  (setq *state* (mod (+ (* *state* 6364136223846793005) 1442695040888963407) (expt 2 64)))
  (mod (ash *state* -33) n))

;;; -- What is swapped --

(defparameter *functions*
  '((adder (n) "Adds." (let ((k (* 2 n))) (lambda (x) (format nil "~R ~A ~S" n (+ k x) '(a "b" 1.5d0)))))
    (thrower (n) (catch 'out (unwind-protect (if (oddp n) (throw 'out (list n :odd)) (list n :even)) (adder n))))
    (counter (n) (let ((s 0)) (dotimes (i n s) (incf s (handler-case (if (zerop (mod i 3)) (error "~D" i) i) (error () 100))))))
    (deep (n) (if (plusp n) (cons n (deep (- n 1))) (funcall (adder 3) 1)))
    (many (n) (multiple-value-list (values n (thrower n) (counter n))))))
(defparameter *arrays*
  (list (lambda () (vector 1 "two" '(3 #\4) #(5)))
        (lambda () (copy-seq "a string of some length"))
        (lambda () (make-array 300 :element-type 'double-float :initial-element 2.5d0))
        (lambda () (make-array '(3 4) :initial-element '(x)))
        (lambda () (let ((h (make-hash-table :test 'equal))) (dotimes (i 20 h) (setf (gethash (format nil "~D" i) h) (list i)))))))

(defun define (row) (compile (car row) `(lambda ,@(cdr row))) (mkswap (car row)))
(defun printed (x)
  (if (hash-table-p x)
      (sort (loop for k being the hash-keys of x using (hash-value v) collect (format nil "~S ~S" k v)) #'string<)
      (prin1-to-string x)))
(defun result (item)
  "What an item gives: a row of *FUNCTIONS*, or the place of an array in a vector of arrays."
  (if (functionp (first item))
      (printed (cdr item))
      (let ((value (funcall (symbol-function (car item)) 7)))
        (printed (if (functionp value) (funcall value 2) value)))))

;;; -- Damage --

(defun file-bytes (file)
  (with-open-file (in file :element-type '(unsigned-byte 8))
    (let ((bytes (make-array (file-length in) :element-type '(unsigned-byte 8))))
      (read-sequence bytes in)
      bytes)))
(defun put-bytes (file bytes start)
  (with-open-file (out file :element-type '(unsigned-byte 8) :direction :output :if-exists :overwrite)
    (file-position out start)
    (write-sequence bytes out :start start)))

(defun damage (file)
  "Damages the file; returns a function that undoes it."
  (let* ((old (file-bytes file)) (new (copy-seq old)) (at (+ 4096 (draw (max 1 (- (length old) 4096))))))
    (case (draw 10)
      (0 (fill new (draw 256) :start at :end (min (length new) (+ at 1 (draw 4000)))) (put-bytes file new 0))
      (1 (run-program "/usr/bin/truncate" (list "-s" (prin1-to-string at) file)))
      (t (setf (aref new at) (logxor (aref new at) (ash 1 (draw 8)))) (put-bytes file new at)))
    (lambda () (put-bytes file old 0))))

;;; -- A round --

(defvar *errors* 0)
(defvar *mended* 0)
(defvar *lost* 0)
(defvar *wrong* 0)

(defun check (item expected got)
  (unless (equal expected got)
    (incf *wrong*)
    (format t "~S~%  expected ~S~%  got      ~S~%" (car item) expected got)))

(defun mended (item undo)
  (handler-bind ((shadow-space-error (lambda (c)
                                       (princ-to-string c)
                                       (incf *mended*)
                                       (funcall undo)
                                       (invoke-restart 'retry))))
    (result item)))

(defun renew (item)
  (if (functionp (first item))
      (setf (cdr item) (mkswap (funcall (first item))))
      (define item)))

(defun caught (item expected)
  (handler-case (check item expected (result item))
    (shadow-space-error (c)
      (princ-to-string c)
      (incf *errors*)
      t)))

(defun fault-round (file items expected)
  (setsbsize (pick-size))
  (sys::%swap-evict)
  (let ((undo (damage file)))
    (if (zerop (draw 2))
        (progn (loop for item in items for e in expected do (check item e (mended item undo)))
               (funcall undo))
        (let ((lost '()))
          (when (zerop (draw 3)) (gc (draw 4)))
          (loop for item in items for e in expected do (when (eq (caught item e) t) (push item lost)))
          (when (zerop (draw 3)) (gc))
          (incf *lost* (length lost))
          (mapc #'renew items)
          (when (zerop (draw 2)) (gc))
          (loop for item in items for e in expected do (check item e (result item)))))))

(defun pick-size () (+ 2 (draw 60)))

(defun run-faults (file seed rounds)
  (setq *state* seed)
  (mapc #'define *functions*)
  (let* ((items (append *functions* (mapcar (lambda (make) (cons make (mkswap (funcall make)))) *arrays*)))
         (expected (progn (mapc (lambda (row) (mkunswap (car row))) *functions*)
                          (prog1 (append (mapcar #'result *functions*) (mapcar (lambda (make) (printed (funcall make))) *arrays*))
                            (mapc #'define *functions*)))))
    (dotimes (i rounds)
      (fault-round file items expected))
    (format t "~&rounds ~D errors ~D mended ~D lost ~D wrong ~D~%" rounds *errors* *mended* *lost* *wrong*)))
