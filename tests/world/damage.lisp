;;; damage.lisp: a unit damaged in thousands of ways: each LOAD is refused with a FILE-ERROR, or the unit does what it did.
;;;
;;;   windfall damage.lisp SEED ROUNDS     works on sample.wfu in the current directory; last line: "bad N"
;;;
;;; Everything happens in one process, so that a crash ends it and thousands of rounds cost little.

(defvar *state* (parse-integer (first ext:*command-line-arguments*)))
(defvar *rounds* (parse-integer (second ext:*command-line-arguments*)))

(defun below (n)
  "A number in [0, N) that follows from the seed."
  (setq *state* (logand (+ (* *state* 6364136223846793005) 1442695040888963407) (1- (ash 1 64))))
  (mod (ash *state* -24) n))

(defun octets (file)
  (with-open-file (in file :element-type '(unsigned-byte 8))
    (let ((v (make-array (file-length in) :element-type '(unsigned-byte 8)))) (read-sequence v in) v)))

(defun write-octets (octets file)
  (with-open-file (out file :direction :output :if-exists :supersede :element-type '(unsigned-byte 8)) (write-sequence octets out)))

(defun flip (octets)
  (let ((i (below (length octets)))) (setf (aref octets i) (logxor (aref octets i) (ash 1 (below 8))))))

(defun damaged (unit)
  "A copy of the octets with something wrong, perhaps; and what."
  (let ((copy (copy-seq unit)) (n (length unit)) (kind (below 7)))
    (ecase kind
      ((0 1) (dotimes (i (1+ (below 4))) (flip copy)))
      (2 (setq copy (subseq copy 0 (below n))))
      (3 (let ((i (below 96))) (setf (aref copy i) (logxor (aref copy i) (ash 1 (below 8)))))) ; the header
      (4 (dotimes (i (min 64 n)) (setf (aref copy (below n)) (below 256))))
      (5 (let ((start (below n))) (fill copy 0 :start start :end (min n (+ start (below 4096))))))
      (6 (setq copy (concatenate '(vector (unsigned-byte 8)) copy (loop repeat (1+ (below 40)) collect (below 256))))))
    (values copy kind)))

(defun outcome (file)
  "What loading the file and using it comes to."
  (handler-case (progn (fmakunbound 'sample) (load file) (sample 10))
    (file-error (c) (if (search file (princ-to-string c)) :refused c))
    (error (c) c)))

(let ((unit (octets "sample.wfu")) (good (outcome "sample.wfu")) (bad 0) (refused 0))
  (when (typep good '(or error symbol)) (error "The sample does not work: ~A" good))
  (dotimes (round *rounds*)
    (multiple-value-bind (copy kind) (damaged unit)
      (write-octets copy "damaged.wfu")
      (let ((outcome (outcome "damaged.wfu")))
        (cond ((eq outcome :refused) (incf refused))
              ((and (equal outcome good) (equalp copy unit)))
              (t (incf bad) (format t "round ~D, kind ~D: ~A~%" round kind outcome))))))
  (format t "refused ~D of ~D~%bad ~D~%" refused *rounds* bad))
