;;; queens.lisp: all ways to put N queens on a board so that none attacks another, and the first one drawn.
;;;   windfall examples/queens.lisp [N]

(defun safe-p (column placed)
  "May a queen stand in COLUMN of the next row, the earlier rows being PLACED, the latest first?"
  (loop for other in placed
        for distance from 1
        never (or (= other column) (= (abs (- other column)) distance))))

(defun map-solutions (function size)
  (labels ((place (row placed)
             (if (= row size)
                 (funcall function (reverse placed))
                 (dotimes (column size)
                   (when (safe-p column placed)
                     (place (1+ row) (cons column placed)))))))
    (place 0 '())))

(defun draw (solution)
  (let ((size (length solution)))
    (dolist (queen solution)
      (format t "~{~A~^ ~}~%" (loop for column below size collect (if (= column queen) #\Q #\.))))))

(let* ((argument (first ext:*command-line-arguments*))
       (size (if argument (parse-integer argument) 8))
       (count 0) (first-solution nil))
  (map-solutions (lambda (solution)
                   (when (zerop count) (setf first-solution solution))
                   (incf count))
                 size)
  (format t "~R queen~:P: ~D solution~:P~2%" size count)
  (when first-solution (draw first-solution)))
