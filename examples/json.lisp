;;; json.lisp: reads a JSON file, prints it again in one canonical form, and says what it holds.
;;;   windfall examples/json.lisp FILE

(define-condition json-error (parse-error)
  ((message :initarg :message :reader json-error-message)
   (place :initarg :place :reader json-error-place))
  (:report (lambda (condition stream)
             (format stream "JSON, character ~D: ~A" (json-error-place condition) (json-error-message condition)))))

(defvar *place*)

(defun next (stream) (incf *place*) (read-char stream))
(defun json-fail (control &rest arguments)
  (error 'json-error :place *place* :message (apply #'format nil control arguments)))

(defun skip-white-space (stream)
  (loop while (member (peek-char nil stream nil) '(#\Space #\Tab #\Newline #\Return))
        do (next stream)))

(defun expect (char stream)
  (skip-white-space stream)
  (let ((found (next stream)))
    (unless (char= found char) (json-fail "~S expected, ~S found" char found))))

(defun read-hex (stream)
  (let ((code 0))
    (dotimes (i 4 code)
      (setf code (+ (* 16 code)
                    (or (digit-char-p (next stream) 16) (json-fail "bad \\u escape")))))))

(defun read-escape (stream)
  (let ((char (next stream)))
    (case char
      (#\b #\Backspace) (#\f #\Page) (#\n #\Newline) (#\r #\Return) (#\t #\Tab)
      (#\u (let ((code (read-hex stream)))
             (when (<= #xD800 code #xDBFF)
               (expect #\\ stream)
               (expect #\u stream)
               (setf code (+ #x10000 (ash (- code #xD800) 10) (- (read-hex stream) #xDC00))))
             (code-char code)))
      (t char))))

(defun read-json-string (stream)
  (with-output-to-string (out)
    (loop for char = (next stream)
          until (char= char #\")
          do (write-char (if (char= char #\\) (read-escape stream) char) out))))

(defun read-json-number (stream)
  (let ((text (with-output-to-string (out)
                (loop for char = (peek-char nil stream nil)
                      while (and char (find char "+-.0123456789eE"))
                      do (write-char (next stream) out)))))
    (let* ((*read-default-float-format* 'double-float)
           (number (let ((*read-eval* nil)) (read-from-string text))))
      (if (numberp number) number (json-fail "bad number ~S" text)))))

(defun read-word (word value stream)
  (loop for expected across word
        unless (char= expected (next stream)) do (json-fail "~A expected" word))
  value)

(defun read-sequence-of (reader close stream)
  (next stream)
  (skip-white-space stream)
  (if (char= (peek-char nil stream) close)
      (progn (next stream) '())
      (loop collect (funcall reader stream)
            do (skip-white-space stream)
            while (let ((char (next stream)))
                    (cond ((char= char #\,) t)
                          ((char= char close) nil)
                          (t (json-fail "~S or \",\" expected, ~S found" close char)))))))

(defun read-member (stream)
  (expect #\" stream)
  (let ((name (read-json-string stream)))
    (expect #\: stream)
    (cons name (read-json stream))))

(defun read-json (stream)
  "Reads a value: objects as (:OBJECT (name . value)...), arrays as vectors, true, false, null as keywords."
  (skip-white-space stream)
  (let ((char (peek-char nil stream)))
    (case char
      (#\{ (cons :object (read-sequence-of #'read-member #\} stream)))
      (#\[ (coerce (read-sequence-of #'read-json #\] stream) 'vector))
      (#\" (next stream) (read-json-string stream))
      (#\t (read-word "true" :true stream))
      (#\f (read-word "false" :false stream))
      (#\n (read-word "null" :null stream))
      (t (if (or (digit-char-p char) (char= char #\-))
             (read-json-number stream)
             (json-fail "unexpected ~S" char))))))

(defun write-json-string (string stream)
  (write-char #\" stream)
  (loop for char across string
        do (case char
             (#\" (write-string "\\\"" stream))
             (#\\ (write-string "\\\\" stream))
             (#\Newline (write-string "\\n" stream))
             (#\Tab (write-string "\\t" stream))
             (t (if (< (char-code char) 32)
                    (format stream "\\u~4,'0X" (char-code char))
                    (write-char char stream)))))
  (write-char #\" stream))


(defun write-items (open close items writer depth stream)
  (write-char open stream)
  (when items
    (loop for (item . more) on items
          do (terpri stream)
             (dotimes (i (* 2 (1+ depth))) (write-char #\Space stream))
             (funcall writer item)
             (when more (write-char #\, stream)))
    (terpri stream)
    (dotimes (i (* 2 depth)) (write-char #\Space stream)))
  (write-char close stream))

(defun write-json (value stream &optional (depth 0))
  (etypecase value
    (string (write-json-string value stream))
    (integer (format stream "~D" value))
    (float (let ((*read-default-float-format* 'double-float)) (format stream "~F" value)))
    (keyword (write-string (string-downcase value) stream))
    (vector (write-items #\[ #\] (coerce value 'list)
                         (lambda (item) (write-json item stream (1+ depth))) depth stream))
    (cons (write-items #\{ #\} (sort (copy-list (rest value)) #'string< :key #'car)
                       (lambda (member)
                         (write-json-string (car member) stream)
                         (write-string ": " stream)
                         (write-json (cdr member) stream (1+ depth)))
                       depth stream))))

(defun count-values (value table)
  (incf (gethash (etypecase value
                   (string :strings) (number :numbers) (keyword :words) (vector :arrays) (cons :objects))
                 table 0))
  (typecase value
    (string)
    (vector (map nil (lambda (item) (count-values item table)) value))
    (cons (loop for (nil . item) in (rest value) do (count-values item table)))))

(let* ((*place* 0)
       (value (with-open-file (stream (or (first ext:*command-line-arguments*) (error "usage: json.lisp FILE"))
                                      :external-format :utf-8)
                (read-json stream)))
       (table (make-hash-table)))
  (write-json value *standard-output*)
  (count-values value table)
  (format t "~2%~{~A: ~D~^, ~}~%"
          (loop for kind in '(:objects :arrays :strings :numbers :words)
                collect (string-downcase kind) collect (gethash kind table 0))))
