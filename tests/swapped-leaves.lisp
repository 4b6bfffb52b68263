;;; swapped-leaves.lisp: every builtin that takes an array, with random arguments, resident and swapped: loaded behind swapped-random.lisp.
;;;
;;; A leaf that finds a handle where it wants an array leaves by an error, and is called again with the array (src/run/again.c).  So it must check all its arguments before it changes
;;; anything, or something is changed twice.  Here each such leaf gets random arguments, mostly of the kinds that its lambda list names, wrong ones among them: once resident, and once with any of
;;; the arrays swapped.  Values, types of errors and what the arguments are afterwards, streams too, must be the same.  (RUN-LEAVES seed rounds) prints what is not.

(in-package "SWAPPED-RANDOM")

(defparameter *array-parameters*
  '("SEQUENCE" "SEQUENCES" "SEQUENCE1" "SEQUENCE2" "STRING" "SIMPLE-STRING" "ARRAY" "OTHER" "VECTOR" "SIMPLE-VECTOR" "BIT-ARRAY" "SIMPLE-BIT-ARRAY" "HASH-TABLE" "TARGET" "SOURCE"
    "CHARACTER-BAG" "PARTS" "A" "B" "RESULT" "TO" "FROM" "STRING-DESIGNATOR" "PREFIX-OR-SUFFIX"))
;;; What only the system's own functions call, with arguments that are right: some check nothing; some are of other kinds in spite of their names; GENSYM and INTERN do not do the same twice.
(defparameter *left-out*
  '("%REMOVE-MARKED" "%RENAME-FILE" "%COPY-READTABLE" "%CHANGE-FUNCTION-CONSTANTS" "%STREAM-MEND" "%HASH-PROBE" "%HASH-ADD" "%HASH-SET-AT" "%HASH-REMOVE-AT" "%HASH-NEXT" "%HASH-HASHER" "%BIT-COMBINE"
    "%SWAP-ARRAY" "%BECOME-ARRAY" "%ARRAY-DATA" "GENSYM" "%CONCATENATE-VECTOR" "%SYMBOL-CONCAT" "%READ-STRING-FAST" "%PARSE-NUMBER" "%MAKE-FILL-POINTER-OUTPUT-STREAM" "ARRAY-DISPLACEMENT" "INTERN"))

(defun parameters (text)
  (let ((*package* (find-package "SWAPPED-RANDOM")) (text (if (and (plusp (length text)) (char= (char text 0) #\()) text (format nil "(~A)" text))))
    (read-from-string text)))

(defun leaves ()
  "Lists of a builtin's symbol and its parameters."
  (let ((found '()))
    (do-all-symbols (s found)
      (when (and (fboundp s) (not (macro-function s)) (not (special-operator-p s)) (not (member (symbol-name s) *left-out* :test #'string=)) (not (assoc s found)))
        (multiple-value-bind (name text) (sys::%builtin-info (fdefinition s))
          (when (and name (plusp (length text)))
            (let ((list (parameters text)))
              (when (some (lambda (p) (member (if (consp p) (symbol-name (car p)) (symbol-name p)) *array-parameters* :test #'string=)) list)
                (push (list s list) found)))))))))

(defun random-element () (case (draw 7) (0 #\a) (1 #\z) (2 (draw 2)) (3 (draw 300)) (4 (pick '(a b nil))) (5 (float (draw 5) 1d0)) (t (list 1))))
(defun random-array () (list :array (fresh (pick *kinds*))))
(defun random-argument (name)
  "A list (:ARRAY array), (:STREAM) or (:OBJECT object)."
  (flet ((is (&rest names) (member name names :test #'string=)))
    (cond ((and (zerop (draw 12)) (not (is "KEY"))) (if (zerop (draw 2)) (random-array) (list :object (random-element))))
          ((is "HASH-TABLE") (list :array (fresh (pick *tables*))))
          ((is "STRING" "SIMPLE-STRING" "CHARACTER-BAG" "PARTS" "STRING-DESIGNATOR") (list :array (fresh (pick *strings*))))
          ((is "BIT-ARRAY" "SIMPLE-BIT-ARRAY") (list :array (fresh :bits)))
          ((is "SIMPLE-VECTOR") (list :array (fresh :vector)))
          ((is "VECTOR") (list :array (fresh (pick *fills*))))
          ((member name *array-parameters* :test #'string=) (random-array))
          ((is "STREAM") (list :stream))
          ((is "TEST-CODE") (list :object (draw 4)))
          ((is "PACKAGE") (list :object "SWAPPED-RANDOM"))
          ((is "FROM-END" "JUNK-ALLOWED" "DESTRUCTIVE-P") (list :object (pick '(nil t))))
          ((is "RADIX" "BASE") (list :object 10))
          ((is "END" "END1" "END2" "COUNT") (list :object (if (zerop (draw 2)) nil (draw 30))))
          ((or (is "INDEX" "START" "START1" "START2" "TO-INDEX" "FROM-INDEX" "N" "EXTENSION" "AXIS" "SUBSCRIPTS" "TYPE-CODE")) (list :object (draw 12)))
          ((is "KEY") (list :object (key)))
          ((is "CHARACTER") (list :object #\q))
          (t (list :object (random-element))))))

(defun random-arguments (list)
  "Arguments for a lambda list; &KEY parameters are :START and :END."
  (let ((arguments '()) (state :required))
    (dolist (p list (nreverse arguments))
      (let ((name (symbol-name (if (consp p) (car p) p))))
        (cond ((eq p '&optional) (when (zerop (draw 3)) (return (nreverse arguments))) (setq state :optional))
              ((eq p '&rest) (setq state :rest))
              ((eq p '&key) (setq state :key))
              ((eq state :rest) (dotimes (i (draw 4)) (push (random-argument (if (string= name "SUBSCRIPTS-AND-OBJECT") "SUBSCRIPTS" name)) arguments)))
              ((eq state :key) (when (zerop (draw 2)) (push (list :object (intern name "KEYWORD")) arguments) (push (random-argument name) arguments)))
              (t (push (random-argument name) arguments)))))))

(defun alike (a b) (or (same a b) (and (streamp a) (streamp b))))
(defun copy-array (x)
  "A resident copy that shares nothing with X but its elements."
  (ext:mkunswap (ext:mkswap x)))
(defun fresh-stream (state) (make-two-way-stream (make-string-input-stream "abcdefghijklmnopqrstuvwxyz") state))

(defun twins (arguments)
  "Two lists of arguments that are alike, in the second of which arrays are swapped; and output streams of each."
  (let ((out-a (make-string-output-stream)) (out-b (make-string-output-stream)) (a '()) (b '()))
    (dolist (argument arguments (values (nreverse a) (nreverse b) out-a out-b))
      (ecase (first argument)
        (:object (push (second argument) a) (push (second argument) b))
        (:stream (push (fresh-stream out-a) a) (push (fresh-stream out-b) b))
        (:array (push (second argument) a)
                (push (if (zerop (draw 4)) (copy-array (second argument)) (ext:mkswap (second argument))) b))))))

(defun leaf-outcome (symbol arguments *standard-output*)
  (handler-case (cons :values (multiple-value-list (apply symbol arguments)))
    (error (c) (list :error (type-of c)))))

(defun try-leaf (symbol list)
  (multiple-value-bind (a b out-a out-b) (twins (random-arguments list))
    (let ((shown (prin1-to-string a)) (x (leaf-outcome symbol a out-a)) (y (leaf-outcome symbol b out-b)))
      (or (and (every #'alike x y) (every #'alike a b) (string= (get-output-stream-string out-a) (get-output-stream-string out-b))
               (loop for p in a for q in b
                     always (or (not (and (streamp p) (streamp q) (typep p 'two-way-stream)))
                                (eql (read-char (two-way-stream-input-stream p) nil) (read-char (two-way-stream-input-stream q) nil))))
               ;; what returns an argument returns the handle
               (loop for p in a for q in b always (or (not (ext:swparrayp q)) (not (eq p (second x))) (eq q (second y)))))
          (progn (format t "~S ~A~%  resident ~S ~S~%  swapped  ~S ~S~%" symbol shown x a y b) nil)))))

(defun run-leaves (seed rounds)
  "Whether all went well."
  (setq *state* seed)
  (let ((leaves (sort (leaves) #'string< :key #'first)) (good t))
    (dolist (leaf leaves (and good (> (length leaves) 60)))
      (dotimes (i rounds)
        (unless (try-leaf (first leaf) (second leaf)) (setq good nil) (return))))))
