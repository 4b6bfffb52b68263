;;; swap.lisp: what swapped code costs: entering, fetching, and running 100 MB of code in less memory, compressed too.  `bench/swap` calls it.

(defun seconds () (/ (get-internal-run-time) (float internal-time-units-per-second 1d0)))
(defmacro timed (&body body) `(let ((start (seconds))) ,@body (- (seconds) start)))
(defun resident-kb ()
  (with-open-file (in "/proc/self/status")
    (loop (let ((line (read-line in nil))) (unless line (return 0)) (when (eql (search "VmRSS:" line) 0) (return (parse-integer line :start 6 :junk-allowed t)))))))

;;; -- Entry --

(defun empty () nil)
(defun small (x) (if (consp x) (car x) (list x x)))
(defun call-empty (n) (dotimes (i n) (empty)))
(defun call-small (n) (let ((x (list 1))) (dotimes (i n) (small x))))
(defun call-nothing (n) (dotimes (i n) n))

(defun least (n function) (let ((best 1d9)) (dotimes (i n best) (setq best (min best (timed (funcall function)))))))

(defun bench-entry (&optional (n 5000000))
  (let ((loop-only (least 5 (lambda () (call-nothing n)))) (rows '()))
    (dolist (case '((empty call-empty) (small call-small)))
      (destructuring-bind (name caller) case
        (mkunswap name)
        (let ((resident (- (least 5 (lambda () (funcall caller n))) loop-only)))
          (mkswap name)
          (let ((swapped (- (least 5 (lambda () (funcall caller n))) loop-only)))
            (mkswap caller)
            (let ((both (- (least 5 (lambda () (funcall caller n))) loop-only)))
              (mkunswap name) (mkunswap caller)
              (push (list name (/ resident n 1d-9) (/ swapped n 1d-9) (/ both n 1d-9)) rows))))))
    (format t "~&| function | resident, ns | swapped, ns | ratio | caller swapped too, ns |~%|---|---|---|---|---|~%")
    (dolist (row (reverse rows))
      (format t "| ~(~A~) | ~,1F | ~,1F | ~,2F | ~,1F |~%" (first row) (second row) (third row) (/ (third row) (second row)) (fourth row)))))

;;; -- Fetching --

(defun bench-fetch ()
  (format t "~&| bytes | fetch and eviction, ns | copy by REPLACE, ns |~%|---|---|---|~%")
  (dolist (bytes '(256 1024 4096 16384 65536 1048576))
    (let* ((count 64) (n (max 200 (floor 50000000 (+ bytes 2000)))) (arrays (make-array count)) (data (make-array bytes :element-type '(unsigned-byte 8) :initial-element 7)) (other (copy-seq data)))
      (dotimes (i count) (setf (aref arrays i) (mkswap data)))
      (setsbsize (max 1 (ceiling (* 3 (+ bytes 64)) 4096)))
      (let* ((fetches (getf (swap-statistics) :fetches))
             (spent (least 3 (lambda () (dotimes (i n) (aref (aref arrays (mod (* i 31) count)) 5)))))
             (fetched (/ (- (getf (swap-statistics) :fetches) fetches) 3))
             (copied (least 3 (lambda () (dotimes (i n) (replace other data))))))
        (format t "| ~D | ~,0F | ~,0F |~%" bytes (/ spent fetched 1d-9) (/ copied n 1d-9)))))
  (setsbsize 64))

;;; -- Much code --

(defun generated (i)
  "A function of some 10 KB of code, constants and debug information, of which a call runs a little."
  `(lambda (x y)
     (case (mod x 12)
       ,@(loop for k below 12
               collect `(,k (let ((s (list x y ,(+ i k))))
                              ,@(loop for j below 9
                                      collect `(when (< y ,(+ i j)) (push (+ ,(* k j) (if (oddp y) (* x ,j) (- y ,i))) s) (setq y (logand 65535 (+ (* y ,(+ 3 j)) ,k)))))
                              (length s)))))))

(defvar *functions* (vector))
(defun generate (megabytes)
  (let ((all '()) (bytes 0) (noswapfns '()))
    (do ((i 0 (+ i 1))) ((>= bytes (* megabytes 1000000)))
      (let ((f (compile nil (generated i))))
        (mkswap-now f)
        (incf bytes (getf (swap-statistics f) :bytes))
        (push f all)
        (when (= 0 (mod i 1000)) (gc))))
    (setq *functions* (coerce all 'simple-vector))
    bytes))
(defun mkswap-now (f) (sys::%swap-code (list f) nil))

(defun call-at-random (n count state)
  (let ((sum 0))
    (dotimes (i n sum) (incf sum (funcall (svref *functions* (random count state)) i (logand i 255))))))

(defun bench-much (&optional (megabytes 100) (calls 200000))
  (configure-egc 1000 2000 3000) ; or garbage would be most of what is resident
  (let ((spent (timed (setq megabytes (/ (generate megabytes) 1d6)))))
    (gc) (gc)
    (format t "~&~,1F MB of code in ~D functions, made and swapped in ~,1F s; handles and links ~D KB~%" megabytes (length *functions*) spent
            (floor (getf (swap-statistics) :handles) 1024)))
  (format t "| buffer, MB | functions called | resident, MB | calls per second | fetches per call |~%|---|---|---|---|---|~%")
  (let ((all (length *functions*)))
    (dolist (row (list (list 1 all) (list 4 all) (list 16 all) (list 64 all) (list 128 all) (list 4 (floor all 50)) (list 16 (floor all 10))))
      (destructuring-bind (buffer count) row
        (setsbsize (* buffer 256))
        (gc)
        (let* ((state (make-random-state nil)) (before (getf (swap-statistics) :fetches)) (spent (timed (call-at-random calls count state))) (fetches (- (getf (swap-statistics) :fetches) before)))
          (format t "| ~D | ~D | ~,1F | ~:D | ~,2F |~%" buffer count (/ (resident-kb) 1024d0) (floor calls spent) (/ fetches calls 1d0)))))))

;;; -- Compression --

(defun swap-again (function) (sys::%unswap-code (list function) nil) (mkswap-now function))

(defun saved-bytes ()
  "The size of the program as an executable."
  (let ((file (format nil "/tmp/windfall-bench-~D" (sys::%process-id))))
    (unwind-protect (progn (save-image file :executable t)
                           (with-open-file (in file :element-type '(unsigned-byte 8)) (file-length in)))
      (delete-file file))))

(defun more-fetches (function)
  "Least seconds of five calls; fetches of each."
  (funcall function)
  (let* ((before (getf (swap-statistics) :fetches)) (spent (least 5 function)))
    (list spent (/ (- (getf (swap-statistics) :fetches) before) 5d0))))

(defun measure-calls (rows calls)
  "Of each row, megabytes of buffer and functions called: calls a second, fetches a call, resident MB."
  (loop for (buffer count) in rows
        collect (progn
                  (setsbsize (* buffer 256))
                  (gc)
                  (destructuring-bind (spent fetches) (more-fetches (lambda () (call-at-random calls count (make-random-state nil))))
                    (list (/ calls spent) (/ fetches calls) (/ (resident-kb) 1024d0))))))

(defun measure-space ()
  "Bytes of arrays; of them stored; of the file; of an executable; milliseconds of a full collection."
  (gc)
  (let ((s (swap-statistics)))
    (list (getf s :bytes) (getf s :stored) (- (getf s :file) (getf s :free)) (saved-bytes) (* 1000 (least 3 (lambda () (gc)))))))

(defun print-space (plain packed)
  (format t "~&| | uncompressed | compressed | ratio |~%|---|---|---|---|~%")
  (loop for what in '("shadow space in use, bytes" "its file, bytes" "an executable, bytes" "a full collection, ms") for a in (rest plain) for b in (rest packed)
        do (format t "| ~A | ~:[~:D | ~:D~;~,1F | ~,1F~] | ~,3F |~%" what (floatp a) a b (/ b a 1d0))))

(defun bench-compression (&optional (megabytes 100) (calls 50000))
  "The program of BENCH-MUCH, uncompressed and then compressed."
  (configure-egc 1000 2000 3000)
  (generate megabytes)
  (let* ((all (length *functions*)) (rows (list (list 1 all) (list 4 all) (list 16 all) (list 64 all) (list 128 all) (list 4 (floor all 50))))
         (space (measure-space)) (plain (measure-calls rows calls))
         (packing (progn (setf (shadow-compression) t) (timed (map nil #'swap-again *functions*)))))
    (print-space space (measure-space))
    (format t "~%~,1F MB made resident and swapped compressed in ~,1F s.~%~%" (/ (first space) 1d6) packing)
    (format t "| buffer, MB | functions called | fetches per call | calls per second | compressed | ratio | a fetch, us | compressed | resident, MB | compressed |~%|---|---|---|---|---|---|---|---|---|---|~%")
    (let ((packed (measure-calls rows calls)))
      (flet ((fetch (calls fetches all) ; what a call takes more than when nothing is fetched
               (if (< fetches 0.1) 0 (/ (- (/ calls) (/ (first (nth 4 all)))) fetches 1d-6))))
        (loop for (buffer count) in rows for (calls1 fetches resident1) in plain for (calls2 nil resident2) in packed
              do (format t "| ~D | ~:D | ~,2F | ~:D | ~:D | ~,2F | ~,1F | ~,1F | ~,1F | ~,1F |~%" buffer count fetches (floor calls1) (floor calls2) (/ calls2 calls1 1d0)
                         (fetch calls1 fetches plain) (fetch calls2 fetches packed) resident1 resident2))))))

(defun library-work (n)
  "N rounds of printing, compiling and reading."
  (dotimes (i n)
    (format nil "~R ~S ~,3F ~{~A~^, ~}" i (list 1.5d0 "x" 'y) 2.25d0 '(1 2 3))
    (funcall (compile nil `(lambda (x) (let ((y (+ x ,i))) (loop for k below 3 collect (* k y))))) 3)
    (read-from-string "(a (b . c) #(1 2) \"text\" 12.5)")))

(defun measure-rounds (pages)
  "Of each size of the buffer: rounds a second, fetches a round."
  (loop for n in pages
        collect (progn (setsbsize n)
                       (destructuring-bind (spent fetches) (more-fetches (lambda () (library-work 300)))
                         (list (/ 300 spent) (/ fetches 300))))))

(defun bench-library ()
  "The library, whose functions are small."
  (library-work 300)
  (sys::%swap-everything)
  (let* ((space (measure-space)) (pages '(4 16 64)) (plain (measure-rounds pages)))
    (sys::%checked-unswap (remove-if-not #'scodep (sys::%all-functions)))
    (setf (shadow-compression) t)
    (sys::%swap-everything)
    (print-space space (measure-space))
    (format t "~%| buffer, KB | fetches per round | rounds per second | compressed | ratio |~%|---|---|---|---|---|~%")
    (loop for n in pages for (rounds1 fetches) in plain for (rounds2) in (measure-rounds pages)
          do (format t "| ~D | ~,1F | ~:D | ~:D | ~,2F |~%" (* 4 n) fetches (floor rounds1) (floor rounds2) (/ rounds2 rounds1 1d0)))))

;;; -- Whole programs: the library and the program swapped, with a buffer that holds them --

(defun swap-large ()
  "What MKSWAPP chooses: functions of more than MKSWAPSIZE words."
  (sys::%checked-swap (remove-if (lambda (f) (<= (sys::%code-words f) mkswapsize)) (sys::%all-functions)) t nil)
  (setsbsize 2048)
  nil)
(defun swap-all () (sys::%swap-everything) (setsbsize 2048) nil)
