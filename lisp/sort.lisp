;;; sort.lisp: SORT, STABLE-SORT, MERGE (CLHS 17).
;;;
;;; Merge sort throughout, so SORT is stable too.  A list is sorted in place, bottom up by recursion on lengths: %SORT-LIST takes the first N conses
;;; and returns the sorted list.  A vector is sorted as a simple vector, from one half of which another is merged.  Where the predicate is one
;;; of the system's own and the keys are numbers, characters or strings, the leaf %SORT-FAST does all of it.

(in-package "SYS")

;;; -- Lists --

(defun %merge-lists (a b predicate key)
  "Merges two sorted lists in place; of equal elements those of A come first."
  (let* ((head (list nil)) (last head))
    (if key
        (let ((ka (if a (funcall key (car a)) nil)) (kb (if b (funcall key (car b)) nil)))
          (loop
            (cond ((null a) (rplacd last b) (return (cdr head)))
                  ((null b) (rplacd last a) (return (cdr head)))
                  ((funcall predicate kb ka)
                   (rplacd last b)
                   (setq last b b (cdr b))
                   (if b (setq kb (funcall key (car b)))))
                  (t (rplacd last a)
                     (setq last a a (cdr a))
                     (if a (setq ka (funcall key (car a))))))))
        (loop
          (cond ((null a) (rplacd last b) (return (cdr head)))
                ((null b) (rplacd last a) (return (cdr head)))
                ((funcall predicate (car b) (car a))
                 (rplacd last b)
                 (setq last b b (cdr b)))
                (t (rplacd last a)
                   (setq last a a (cdr a))))))))

(defun %sort-list (list predicate key)
  (let ((rest list))
    (labels ((take (n)
               (if (= n 1)
                   (let ((cell rest))
                     (setq rest (cdr rest))
                     (rplacd cell nil)
                     cell)
                   (let* ((half (ash n -1)) (a (take half)) (b (take (- n half))))
                     (%merge-lists a b predicate key)))))
      (if list (take (length list)) nil))))

;;; -- Vectors --

(defun %merge-vectors (from start middle end to predicate key)
  "Merges the sorted runs [START, MIDDLE) and [MIDDLE, END) of the simple vector FROM to the same places of TO."
  (let ((a start) (b middle) (at start))
    (if (and (< a middle) (< b end))
        (let ((ka (svref from a)) (kb (svref from b)))
          (if key (setq ka (funcall key ka) kb (funcall key kb)))
          (loop
            (cond ((funcall predicate kb ka)
                   (setf (svref to at) (svref from b))
                   (setq b (+ b 1) at (+ at 1))
                   (if (>= b end) (return))
                   (setq kb (svref from b))
                   (if key (setq kb (funcall key kb))))
                  (t (setf (svref to at) (svref from a))
                     (setq a (+ a 1) at (+ at 1))
                     (if (>= a middle) (return))
                     (setq ka (svref from a))
                     (if key (setq ka (funcall key ka))))))))
    (if (< a middle)
        (%replace to from at nil a middle)
        (%replace to from at nil b end))))

(defun %sort-vector (vector predicate key)
  (let* ((n (length vector))
         (from (%concatenate-vector +vector-code+ vector))
         (to (copy-seq from)))
    (labels ((arrange (source target start end)
               "Leaves the elements, which are in both, sorted in TARGET."
               (if (> (- end start) 1)
                   (let ((middle (ash (+ start end) -1)))
                     (arrange target source start middle)
                     (arrange target source middle end)
                     (%merge-vectors source start middle end target predicate key)))))
      (arrange from to 0 n))
    (%replace vector to 0 nil 0 nil)))

;;; -- The functions --

(defun stable-sort (sequence predicate &key key)
  "The elements of SEQUENCE in the order of PREDICATE; equal ones keep theirs.  SEQUENCE is destroyed (CLHS 17.3)."
  (cond ((%sort-fast sequence predicate key) sequence)
        ((listp sequence) (%sort-list sequence predicate key))
        (t (%sort-vector sequence predicate key))))

(defun sort (sequence predicate &key key)
  "The elements of SEQUENCE in the order of PREDICATE.  SEQUENCE is destroyed (CLHS 17.3)."
  (stable-sort sequence predicate :key key))

(defun merge (result-type sequence-1 sequence-2 predicate &key key)
  "A sequence of the elements of two sorted ones, in order (CLHS 17.3)."
  (multiple-value-bind (code length) (%result-type result-type)
    (let ((merged (%merge-lists (%concatenate-list sequence-1) (%concatenate-list sequence-2) predicate key)))
      (if (or length (consp result-type)) (%check-result-length result-type length (length merged)))
      (if (eq code 'list) merged (%concatenate-vector code merged)))))
