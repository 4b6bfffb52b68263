;;; swapped-dictionary.lisp: a program whose code and tables take more memory than the process has.
;;;
;;; 400 modules, each with a table of 10,000 numbers, sorted, and a generated function of some 7,000 instructions that scores what was found there.  Both are
;;; swapped out when they are made, and then used at random, a few modules most of the time.  What is away is in a temporary file; what is used often
;;; stays in the swapping buffer, of two megabytes.  With the argument --figures it prints how much there was and how much of it was in memory;
;;; with --resident nothing is swapped.  See docs/manual/overlays.md.

(defconstant +modules+ 400)
(defconstant +numbers+ 10000)
(defvar *swap* (not (member "--resident" *command-line-arguments* :test #'equal)))

(defun number-at (module i) (+ (* 37 i) (mod (* module i) 31)))

(defun make-table (module)
  (let ((table (make-array +numbers+ :element-type '(unsigned-byte 32))))
    (dotimes (i +numbers+ table)
      (setf (aref table i) (number-at module i)))))

(defun make-scorer (module)
  "A function of many branches, as generated code is."
  (compile nil `(lambda (n)
                  (declare (optimize (speed 0)))
                  (case (mod n 800)
                    ,@(loop for i below 800
                            collect `(,i (let ((x (+ n ,(* module i)))) (logxor (* x ,(+ i 3)) (ash x -2) (+ ,(* i module) (logand x ,i))))))))))

;;; What stays in memory: two vectors of handles and functions.
(defvar *tables* (make-array +modules+))
(defvar *scorers* (make-array +modules+))

(defun install (module)
  (let ((table (make-table module)) (scorer (make-scorer module)))
    (setf (svref *tables* module) (if *swap* (mkswap table) table)
          (svref *scorers* module) (if *swap* (mkswap scorer) scorer))))

(defun find-number (n table)
  "The index of N by bisection: the table may be swapped or resident."
  (let ((low 0) (high (length table)))
    (loop
      (when (= low high) (return nil))
      (let* ((middle (ash (+ low high) -1)) (x (aref table middle)))
        (cond ((= x n) (return middle))
              ((< x n) (setq low (1+ middle)))
              (t (setq high middle)))))))

(defun look-up (module n)
  (let ((i (find-number n (svref *tables* module))))
    (if i (funcall (svref *scorers* module) i) 0)))

(defvar *seed* 1)
(defun draw (n)
  (setq *seed* (mod (+ (* *seed* 1103515245) 12345) 2147483648))
  (mod (ash *seed* -8) n))

(defun resident-kilobytes ()
  (with-open-file (status "/proc/self/status" :if-does-not-exist nil)
    (when status
      (loop for line = (read-line status nil)
            while line
            when (eql (search "VmRSS:" line) 0)
              do (return (parse-integer line :start 6 :junk-allowed t))))))

(defun run (look-ups)
  "Most look-ups are in a few modules, as in life.  Returns a checksum."
  (let ((sum 0))
    (dotimes (i look-ups (mod sum 1000000007))
      (let ((module (if (< (draw 100) 95) (draw 8) (draw +modules+))))
        (setq sum (mod (+ sum (look-up module (number-at module (draw +numbers+)))) 1000000007))))))

(defun figures ()
  (destructuring-bind (&key arrays bytes hits fetches in-buffer nanoseconds &allow-other-keys) (swap-statistics)
    (format t "swapped: ~:D arrays, ~:D bytes, of which ~:D are in the buffer~%" arrays bytes in-buffer)
    (when (plusp fetches)
      (format t "~:D uses, ~:D of them fetched the array, in ~,1F microseconds each~%" hits fetches (/ nanoseconds 1000.0 fetches)))
    (format t "memory of the process: ~:D KB~%" (resident-kilobytes))))

(defun main ()
  (configure-egc 1024 2048 4096) ; garbage is collected soon
  (setsbsize 512)
  (dotimes (module +modules+)
    (install module)
    (when (zerop (mod module 25)) (gc))) ; the resident originals are garbage now
  (gc)
  (format t "~D modules, ~D look-ups, checksum ~D~%" +modules+ 50000 (run 50000))
  (when (member "--figures" *command-line-arguments* :test #'equal) (figures)))

(main)
