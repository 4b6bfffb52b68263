;;; word-frequency.lisp: the most frequent words of a text file.
;;;   windfall examples/word-frequency.lisp FILE [HOW-MANY]

(defun map-words (function stream)
  "Calls FUNCTION with every word (letters and inner apostrophes, in lower case) that STREAM holds."
  (let ((word (make-string-output-stream)) (length 0))
    (flet ((finish ()
             (when (plusp length)
               (funcall function (string-right-trim "'" (get-output-stream-string word)))
               (setf length 0))))
      (loop for char = (read-char stream nil)
            while char
            do (cond ((or (alpha-char-p char) (and (char= char #\') (plusp length)))
                      (write-char (char-downcase char) word)
                      (incf length))
                     (t (finish))))
      (finish))))

(defun word-counts (pathname)
  "A hash table from word to number of occurrences, and the total."
  (let ((counts (make-hash-table :test #'equal)) (total 0))
    (with-open-file (stream pathname :external-format :utf-8)
      (map-words (lambda (word) (incf total) (incf (gethash word counts 0))) stream))
    (values counts total)))

(defun print-frequencies (pathname how-many)
  (multiple-value-bind (counts total) (word-counts pathname)
    (let ((entries (loop for word being the hash-keys of counts using (hash-value count)
                         collect (cons word count))))
      (setf entries (sort entries (lambda (a b)
                                    (or (> (cdr a) (cdr b))
                                        (and (= (cdr a) (cdr b)) (string< (car a) (car b)))))))
      (format t "~:D words, ~:D different~%" total (length entries))
      (loop for (word . count) in entries
            for rank from 1 to how-many
            do (format t "~3D ~12A ~6D ~6,2F%~%" rank word count (* 100.0 (/ count total)))))))

(let ((arguments ext:*command-line-arguments*))
  (if (null arguments)
      (error "usage: word-frequency.lisp FILE [HOW-MANY]")
      (print-frequencies (first arguments)
                         (if (second arguments) (parse-integer (second arguments)) 20))))
