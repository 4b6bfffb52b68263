;;; pause.lisp: does the longest pause of a program with steady young garbage depend on how much old data there is?
;;;   (pause MEGABYTES) builds that much live data, collects fully, makes garbage for some seconds, and prints the longest gaps between two
;;;   readings of the clock: the longest, and the tenth longest (which is less at the mercy of the machine's other work).

(defun now-us ()
  #+sbcl (multiple-value-bind (s us) (sb-ext:get-time-of-day) (+ (* 1000000 (logand s #xffffff)) us))
  #-sbcl (values (floor (* (get-internal-real-time) 1000000) internal-time-units-per-second)))

(defvar *live* nil)
(defvar *keep* nil)

(defun build (megabytes)
  (setq *live* nil)
  (dotimes (i megabytes)
    (let ((v (make-array 1024)))        ; 8 KB, and 62 conses of 16 bytes for each element: about 1 MB
      (dotimes (k 1024) (setf (svref v k) (make-list 62 :initial-element k)))
      (push v *live*))))

(defun young (i) (setq *keep* (list i i i i (make-array 8 :initial-element i) (list 1 2 3 4))))

(defun churn (turns)
  (let ((gaps '()) (last (now-us)))
    (dotimes (k turns)
      (dotimes (i 20) (young i))
      (when (zerop (mod k 100)) (setf (svref (car *live*) (mod k 1024)) (list k k))) ; an old object gets a young one
      (let* ((now (now-us)) (gap (- now last)))
        (when (> gap 100) (push gap gaps))
        (setq last now)))
    (sort gaps #'>)))

(defun pause (megabytes)
  (build megabytes)
  #+sbcl (sb-ext:gc :full t) #-sbcl (funcall (find-symbol "GC" "EXT"))
  (let ((gaps (churn 600000)))
    (format t "~&pause ~4D MB: longest ~,3F ms, tenth ~,3F ms, ~D over 0.1 ms~%" megabytes
            (/ (or (first gaps) 0) 1000.0) (/ (or (nth 9 gaps) 0) 1000.0) (length gaps))
    (finish-output)))
