;;; format.lisp: FORMAT (CLHS 22.3), all directives but the numbers' (format-numbers.lisp).
;;;
;;; A control string is parsed once into a list of elements: strings, and functions of a stream and a state that do one directive each.  The
;;; state is a vector: the arguments that are left, all arguments, what ~^ looks at, and in ~<...~:> the stream and the number of arguments taken.  An element returns NIL, or tells that a ~^ ended its
;;; sequence: :UP (the innermost iteration or clause) or :UP-UP (~:^, the whole iteration).  Parsed strings are kept in an EQUAL table
;;; of bounded size; before it stands a small cache by length.

(in-package "SYS")

(define-condition format-error (simple-error) ()
  (:report (lambda (condition stream)
             (write-string "FORMAT: " stream)
             (apply #'format stream (simple-condition-format-control condition) (simple-condition-format-arguments condition)))))

(defun format-fail (control &rest arguments)
  (error 'format-error :format-control control :format-arguments arguments))

;;; State

(defmacro state-rest (state) `(svref ,state 0))
(defmacro state-all (state) `(svref ,state 1))
(defmacro state-outer (state) `(svref ,state 2)) ; in ~:{ the lists that are left; :NONE elsewhere

(defmacro state-block (state) `(svref ,state 3)) ; the stream of a logical block, NIL elsewhere
(defmacro state-count (state) `(svref ,state 4))

(defun make-state (arguments &optional (outer :none)) (vector arguments arguments outer nil 0))

(defun next-argument (state)
  (let ((rest (state-rest state)))
    (when (or (atom rest) (state-block state)) (check-next-argument rest state))
    (setf (state-rest state) (cdr rest))
    (car rest)))

(defun check-next-argument (rest state)
  "Signals that there is no argument left, or leaves the logical block as PPRINT-POP does."
  (when (state-block state)
    (when (%logical-block-ends rest (state-count state) (state-block state)) (throw state nil))
    (incf (state-count state)))
  (when (null rest) (format-fail "there are not enough arguments"))
  (unless (consp rest) (error 'type-error :datum rest :expected-type 'list)))

(defun run-elements (elements stream state)
  (dolist (element elements nil)
    (if (stringp element)
        (write-string element stream)
        (let ((up (funcall element stream state)))
          (when up (return up))))))

;;; Directives as they are parsed: #(char colon at parameters start end)

(defmacro directive-char (d) `(svref ,d 0))
(defmacro directive-colon (d) `(svref ,d 1))
(defmacro directive-at (d) `(svref ,d 2))
(defmacro directive-parameters (d) `(svref ,d 3))
(defmacro directive-start (d) `(svref ,d 4))
(defmacro directive-end (d) `(svref ,d 5))

(defvar *control*)  ; the string that is being parsed
(defvar *position*) ; and how far
(defvar *fill-blanks* nil) ; in ~<...~:@>: blanks of literal text are followed by fill newlines
(defvar *pretty-directive*) ; whether there was one of ~W ~_ ~I ~:T ~<...~:>, with which ~<...~> does not go together: CLHS 22.3.6.2
(defvar *overflow-clause*) ; whether there was a ~<...~:;...~>

(defun parse-parameter (control position)
  "One prefix parameter: its value, NIL, :V or :COUNT, and the position behind it."
  (let ((char (char control position)))
    (cond ((char= char #\')
           (values (char control (1+ position)) (+ position 2)))
          ((char-equal char #\V) (values :v (1+ position)))
          ((char= char #\#) (values :count (1+ position)))
          ((or (digit-char-p char) (find char "+-"))
           (parse-integer control :start position :junk-allowed t))
          (t (values nil position)))))

(defun parse-directive (control position)
  "The directive whose tilde is at POSITION."
  (let ((start position) (end (length control)) (parameters '()) (colon nil) (at nil))
    (incf position)
    (flet ((peek () (if (< position end) (char control position) (format-fail "the control string ends in a directive: ~S" control))))
      (loop
        (multiple-value-bind (value next) (progn (peek) (parse-parameter control position))
          (let ((given (/= next position)))
            (setq position next)
            (cond ((char= (peek) #\,) (push value parameters) (incf position))
                  (t (when (or given parameters) (push value parameters))
                     (return))))))
      (loop
        (case (peek)
          (#\: (setq colon t))
          (#\@ (setq at t))
          (t (return)))
        (incf position))
      (let ((char (char-upcase (peek))))
        (incf position)
        (when (char= char #\/)
          (let ((close (position #\/ control :start position)))
            (unless close (format-fail "~~/ without a second slash in ~S" control))
            (setq parameters (cons (subseq control position close) (nreverse parameters))
                  position (1+ close))
            (return-from parse-directive (vector char colon at parameters start position))))
        (vector char colon at (nreverse parameters) start position)))))

(defun parse-until (terminators)
  "Elements from *POSITION* on, up to a directive whose character is in TERMINATORS (NIL: to the end), and that directive."
  (let ((elements '()) (control *control*) (end (length *control*)))
    (loop
      (let ((tilde (position #\~ control :start *position*)))
        (when (< *position* (or tilde end))
          (let ((text (subseq control *position* (or tilde end))))
            (if *fill-blanks*
                (setq elements (revappend (fill-elements text) elements))
                (push text elements))))
        (when (null tilde)
          (when terminators (format-fail "~~~C is missing in ~S" (char terminators (1- (length terminators))) control))
          (setq *position* end)
          (return (values (nreverse elements) nil)))
        (let ((directive (parse-directive control tilde)))
          (setq *position* (directive-end directive))
          (when (and terminators (find (directive-char directive) terminators))
            (return (values (nreverse elements) directive)))
          (when (case (directive-char directive) ((#\W #\_ #\I) t) (#\T (directive-colon directive)))
            (setq *pretty-directive* t))
          (let ((element (directive-element directive)))
            (when element (push element elements))))))))

(defun parse-clauses (close)
  "The clauses up to the directive CLOSE: a list of element lists, the list of the ~; directives between them, and the closing one."
  (let ((clauses '()) (separators '()) (terminators (coerce (list #\; close) 'string)))
    (loop
      (multiple-value-bind (elements directive) (parse-until terminators)
        (push elements clauses)
        (when (char= (directive-char directive) close)
          (return (values (nreverse clauses) (nreverse separators) directive)))
        (push directive separators)))))

(defun parse-control (control)
  (let ((*control* (if (simple-string-p control) control (coerce control 'simple-string))) (*position* 0)
        (*fill-blanks* nil) (*pretty-directive* nil) (*overflow-clause* nil))
    (let ((elements (parse-until nil)))
      (when (and *pretty-directive* *overflow-clause*)
        (format-fail "~~<...~~:;...~~> and directives of the pretty printer do not go together in ~S" control))
      elements)))

(defvar *parsed-controls* (make-hash-table :test 'equal))
(defvar *last-controls* (make-array 64 :initial-element nil)) ; copies of control strings and their elements, at twice the length modulo 32

(defun control-elements (control)
  (let* ((index (* 2 (logand (length control) 31))) (cache *last-controls*))
    (unless (equal (svref cache index) control)
      (multiple-value-bind (elements found) (gethash control *parsed-controls*)
        (let ((copy (coerce control 'simple-string)))
          (unless found
            (when (> (hash-table-count *parsed-controls*) 2000) (clrhash *parsed-controls*))
            (setq copy (copy-seq copy) elements (parse-control copy))
            (setf (gethash copy *parsed-controls*) elements))
          (setf (svref cache index) (if found (copy-seq copy) copy)
                (svref cache (1+ index)) elements))))
    (svref cache (1+ index))))

;;; The table of directives

(defvar *directives* (make-array 128 :initial-element nil)) ; by upper-case code: function of a directive to an element; 0: a delivery took it

(defun directive-element (directive)
  (let* ((code (char-code (directive-char directive))) (maker (and (< code 128) (svref *directives* code))))
    (cond ((functionp maker) (funcall maker directive))
          ((%fetch-shed) (directive-element directive))
          (t (format-fail (if maker
                              "~~~C was removed by delivery; a string with it, or (:directive \"~:*~:@(~C~)\") in a keep-file, keeps it"
                              "~~~C is no directive")
                          (directive-char directive))))))

(defun parameter-value (parameter state)
  (case parameter
    (:v (next-argument state))
    (:count (length (state-rest state)))
    (t parameter)))

(defmacro define-directive (char (directive &rest parameters) &body body)
  "Defines the directive CHAR.  BODY runs at parse time with DIRECTIVE bound and returns the element; in it (ELEMENT form...) makes the function, in
which STREAM, STATE and the PARAMETERS (name default) are bound."
  `(setf (svref *directives* ,(char-code char))
         (lambda (,directive)
           (let ((%parameters (directive-parameters ,directive)) (colon (directive-colon ,directive)) (at (directive-at ,directive)))
             (declare (ignorable colon at))
             (when (> (length %parameters) ,(length parameters)) (format-fail "~~~C takes at most ~D parameter~:P" ,char ,(length parameters)))
             (macrolet ((element (&body forms)
                          (parameterised-element ',parameters forms)))
               ,@body)))))

(eval-when (:compile-toplevel :load-toplevel :execute)
  (defun parameterised-element (parameters forms)
    (if (null parameters)
        `(lambda (stream state) (declare (ignorable stream state)) ,@forms nil)
        `(if (and (not (member :v %parameters)) (not (member :count %parameters)))
             (let ,(let ((i -1))
                     (mapcar (lambda (p) `(,(first p) (let ((given (nth ,(incf i) %parameters))) (if (null given) ,(second p) given)))) parameters))
               (declare (ignorable ,@(mapcar #'first parameters)))
               (lambda (stream state) (declare (ignorable stream state)) ,@forms nil))
             (lambda (stream state)
               (declare (ignorable stream))
               (let* ((%given (mapcar (lambda (p) (parameter-value p state)) %parameters))
                      ,@(let ((i -1))
                          (mapcar (lambda (p) `(,(first p) (let ((given (nth ,(incf i) %given))) (if (null given) ,(second p) given)))) parameters)))
                 (declare (ignorable ,@(mapcar #'first parameters)))
                 ,@forms
                 nil))))))

;;; Objects

(defun pad-string (string stream mincol colinc minpad padchar left)
  (let* ((missing (- mincol (length string) minpad))
         (padding (if (plusp missing) (+ minpad (* colinc (ceiling missing colinc))) minpad)))
    (when left (%write-repeated padchar padding stream))
    (write-string string stream)
    (unless left (%write-repeated padchar padding stream))))

(define-directive #\A (directive (mincol 0) (colinc 1) (minpad 0) (padchar #\Space))
  (if (and (null %parameters) (not colon))
      (element (princ (next-argument state) stream))
      (element (let ((object (next-argument state)))
                 (pad-string (if (and colon (null object)) "()" (princ-to-string object)) stream mincol colinc minpad padchar at)))))

(define-directive #\S (directive (mincol 0) (colinc 1) (minpad 0) (padchar #\Space))
  (if (and (null %parameters) (not colon))
      (element (prin1 (next-argument state) stream))
      (element (let ((object (next-argument state)))
                 (pad-string (if (and colon (null object)) "()" (prin1-to-string object)) stream mincol colinc minpad padchar at)))))

(define-directive #\W (directive)
  (element (let ((object (next-argument state)))
             (cond ((and colon at) (let ((*print-pretty* t) (*print-level* nil) (*print-length* nil)) (output-object object stream)))
                   (colon (let ((*print-pretty* t)) (output-object object stream)))
                   (at (let ((*print-level* nil) (*print-length* nil)) (output-object object stream)))
                   (t (output-object object stream))))))

(define-directive #\C (directive)
  (element (let ((char (next-argument state)))
             (unless (characterp char) (error 'type-error :datum char :expected-type 'character))
             (cond ((and at (not colon)) (let ((*print-escape* t)) (%write-atom char stream)))
                   ((and colon (or (not (graphic-char-p char)) (char= char #\Space)))
                    (write-string (char-name char) stream))
                   (t (write-char char stream))))))

;;; Layout

(define-directive #\% (directive (count 1))
  (element (%write-repeated #\Newline count stream)))
(define-directive #\& (directive (count 1))
  (element (when (plusp count)
             (fresh-line stream)
             (%write-repeated #\Newline (1- count) stream))))
(define-directive #\| (directive (count 1))
  (element (%write-repeated #\Page count stream)))
(define-directive #\~ (directive (count 1))
  (element (%write-repeated #\~ count stream)))

(define-directive #\Newline (directive)
  (unless colon
    (setq *position* (or (position-if-not (lambda (char) (member char '(#\Space #\Tab #\Return #\Page))) *control* :start *position*)
                         (length *control*))))
  (if at
      (element (terpri stream))
      nil))

(define-directive #\T (directive (column 1) (increment 1))
  (element (cond (colon (pprint-tab (if at :section-relative :section) column increment stream))
                 ((and *print-pretty* (recording-p stream)) (pprint-tab (if at :line-relative :line) column increment stream))
                 (at (let ((here (or (%stream-column stream) 0)))
                       (write-spaces column stream)
                       (unless (zerop increment) (write-spaces (mod (- (+ here column)) increment) stream))))
                 (t (let ((here (%stream-column stream)))
                      (cond ((null here) (write-string "  " stream))
                            ((< here column) (write-spaces (- column here) stream))
                            ((plusp increment) (write-spaces (- increment (mod (- here column) increment)) stream))))))))

(defun write-spaces (count stream) (%write-repeated #\Space count stream))

(define-directive #\_ (directive)
  (element (pprint-newline (cond ((and colon at) :mandatory) (colon :fill) (at :miser) (t :linear)) stream)))
(define-directive #\I (directive (amount 0))
  (element (pprint-indent (if colon :current :block) amount stream)))

;;; Control

(define-directive #\* (directive (count nil))
  (element (cond (at (let ((all (state-all state)) (index (or count 0)))
                       (unless (<= 0 index (length all)) (format-fail "~~@* goes to argument ~D of ~D" index (length all)))
                       (setf (state-rest state) (nthcdr index all))))
                 (colon (let* ((all (state-all state)) (done (- (length all) (length (state-rest state)) (or count 1))))
                          (when (minusp done) (format-fail "~~:* goes back too far"))
                          (setf (state-rest state) (nthcdr done all))))
                 (t (dotimes (i (or count 1)) (next-argument state))))))

(define-directive #\? (directive)
  (if at
      (lambda (stream state)
        (let* ((control (next-argument state)))
          (format-with-state stream control state)
          nil))
      (element (let* ((control (next-argument state)) (arguments (next-argument state)))
                 (format-with-state stream control (make-state arguments))))))

(defun format-with-state (stream control state)
  (if (functionp control)
      (setf (state-rest state) (apply control stream (state-rest state)))
      (run-elements (control-elements control) stream state)))

(define-directive #\P (directive)
  (element
    (when colon
      (let* ((all (state-all state)) (done (- (length all) (length (state-rest state)) 1)))
        (when (minusp done) (format-fail "~~:P has no argument to go back to"))
        (setf (state-rest state) (nthcdr done all))))
    (let ((one (eql (next-argument state) 1)))
      (if at
          (write-string (if one "y" "ies") stream)
          (unless one (write-char #\s stream))))))

(define-directive #\( (directive)
  (multiple-value-bind (elements) (parse-until ")")
    (let ((mode (if colon (if at 3 1) (if at 2 0))))
      (lambda (stream state)
        (let ((mark (%stream-mark stream)))
          (if mark
              (prog1 (run-elements elements stream state) (%stream-recase stream mark mode))
              (let* ((out (%make-string-output-stream 'character)) (up (progn (%set-stream-column out (or (%stream-column stream) 0))
                                                                              (run-elements elements out state)))
                     (string (get-output-stream-string out)))
                (write-string (case mode
                                (0 (nstring-downcase string))
                                (1 (nstring-capitalize string))
                                (2 (capitalize-first string))
                                (t (nstring-upcase string)))
                              stream)
                up)))))))

(defun capitalize-first (string)
  (let* ((string (nstring-downcase string)) (first (position-if #'alphanumericp string)))
    (when first (setf (char string first) (char-upcase (char string first))))
    string))

(define-directive #\[ (directive (index nil))
  (multiple-value-bind (clauses separators) (parse-clauses #\])
    (cond (colon
           (unless (= (length clauses) 2) (format-fail "~~:[ needs two clauses"))
           (lambda (stream state)
             (run-elements (if (next-argument state) (second clauses) (first clauses)) stream state)))
          (at
           (unless (= (length clauses) 1) (format-fail "~~@[ needs one clause"))
           (lambda (stream state)
             (if (car (state-rest state))
                 (run-elements (first clauses) stream state)
                 (progn (next-argument state) nil))))
          (t (let* ((default (and separators (directive-colon (car (last separators))) (car (last clauses))))
                    (plain (coerce (if default (butlast clauses) clauses) 'simple-vector)) (parameter (car %parameters)))
               (lambda (stream state)
                 (let ((n (or (parameter-value parameter state) (next-argument state))))
                   (run-elements (if (and (integerp n) (< -1 n (length plain))) (svref plain n) default) stream state))))))))

(define-directive #\{ (directive (limit nil))
  (multiple-value-bind (elements close) (parse-until "}")
    (let ((at-least-once (directive-colon close)) (limit-parameter (car %parameters))
          (empty (= (directive-start close) (directive-end directive))))
      (lambda (stream state)
        (let* ((limit (parameter-value limit-parameter state))
               (body (if empty
                         (let ((control (next-argument state)))
                           (if (functionp control)
                               (list (lambda (stream state) (setf (state-rest state) (apply control stream (state-rest state))) nil))
                               (control-elements control)))
                         elements)))
          (if colon
              (iterate-lists body stream state at limit at-least-once)
              (if at
                  (iterate-items body stream state limit at-least-once)
                  (let ((list (next-argument state)))
                    (unless (listp list) (error 'type-error :datum list :expected-type 'list))
                    (iterate-items body stream (make-state list) limit at-least-once))))
          nil)))))

(defun iterate-items (body stream state limit at-least-once)
  (let ((count 0))
    (loop
      (when (or (and limit (>= count limit))
                (and (null (state-rest state)) (not (and at-least-once (zerop count)))))
        (return))
      (when (run-elements body stream state) (return))
      (incf count))))

(defun iterate-lists (body stream state at limit at-least-once)
  (let ((lists (if at (state-rest state) (next-argument state))) (count 0))
    (loop
      (when (or (and limit (>= count limit))
                (and (null lists) (not (and at-least-once (zerop count)))))
        (return))
      (let ((arguments (pop lists)))
        (when (eq (run-elements body stream (make-state arguments lists)) :up-up) (return)))
      (incf count))
    (when at (setf (state-rest state) lists))))

(define-directive #\^ (directive (first nil) (second nil) (third nil))
  (let ((parameters %parameters))
    (lambda (stream state)
      (declare (ignore stream))
      (let ((values (mapcar (lambda (p) (parameter-value p state)) parameters)))
        ;; A parameter that is NIL is as one that is not given.
        (when (cond ((third values)
                     (if (every #'realp values)
                         (<= (first values) (second values) (third values))
                         (and (eql (first values) (second values)) (eql (second values) (third values)))))
                    ((second values) (eql (first values) (second values)))
                    ((first values) (eql (first values) 0))
                    (colon (and (not (eq (state-outer state) :none)) (null (state-outer state))))
                    (t (null (state-rest state))))
          (if colon :up-up :up))))))

(define-directive #\; (directive) (format-fail "~~; stands outside of a clause"))
(define-directive #\) (directive) (format-fail "~~) without ~~("))
(define-directive #\] (directive) (format-fail "~~] without ~~["))
(define-directive #\} (directive) (format-fail "~~} without ~~{"))
(define-directive #\> (directive) (format-fail "~~> without ~~<"))

(setf (svref *directives* (char-code #\/))
      (lambda (directive)
        (let* ((colon (directive-colon directive)) (at (directive-at directive))
               (name (string-upcase (car (directive-parameters directive)))) (parameters (cdr (directive-parameters directive)))
               (mark (position #\: name))
               (package (if mark (subseq name 0 mark) "COMMON-LISP-USER"))
               (symbol (intern (if mark (string-left-trim ":" (subseq name mark)) name)
                               (or (find-package package) (format-fail "there is no package ~A" package)))))
          (lambda (stream state)
            (let ((values (mapcar (lambda (p) (parameter-value p state)) parameters)))
              (apply symbol stream (next-argument state) colon at values))
            nil))))

;;; Justification and logical blocks

(define-directive #\< (directive (mincol 0) (colinc 1) (minpad 0) (padchar #\Space))
  (let ((start *position*) (pretty nil))
    (multiple-value-bind (clauses separators close) (let ((*pretty-directive* nil) (*fill-blanks* nil))
                                                      (multiple-value-prog1 (parse-clauses #\>) (setq pretty *pretty-directive*)))
      (if (directive-colon close)
          (logical-block-element directive clauses separators close start)
          (let ((overflow (and separators (directive-colon (first separators)) (first separators))))
            (when pretty (format-fail "there is a directive of the pretty printer in ~~<~A~~>" (subseq *control* start (directive-start close))))
            (when overflow (setq *overflow-clause* t))
            (lambda (stream state)
              (let* ((values (mapcar (lambda (p) (parameter-value p state)) %parameters))
                     (mincol (or (first values) 0)) (colinc (or (second values) 1))
                     (minpad (or (third values) 0)) (padchar (or (fourth values) #\Space))
                     (texts '()) (up nil))
                (dolist (clause clauses)
                  (let ((out (%make-string-output-stream 'character)))
                    (setq up (run-elements clause out state))
                    (when up (return))
                    (push (get-output-stream-string out) texts)))
                (setq texts (nreverse texts))
                (justify texts overflow (and overflow (mapcar (lambda (p) (parameter-value p state)) (directive-parameters overflow)))
                         stream mincol colinc minpad padchar colon at)
                nil)))))))

(defun justify (texts overflow overflow-parameters stream mincol colinc minpad padchar colon at)
  (let* ((prefix (and overflow texts (pop texts)))
         (gaps (+ (max 0 (1- (length texts))) (if colon 1 0) (if at 1 0)))
         (text-length (reduce #'+ texts :key #'length))
         (length (+ text-length (* gaps minpad))))
    (when (zerop gaps) (setq colon t gaps 1)) ; a single text is right justified
    (let* (
           (width (if (<= length mincol) mincol (+ mincol (* colinc (ceiling (- length mincol) colinc)))))
           (padding (- width text-length)) (remaining gaps))
      (when prefix
        (let ((spare (or (first overflow-parameters) 0)) (line (or (second overflow-parameters) 72)))
          (when (> (+ (or (%stream-column stream) 0) width spare) line)
            (write-string prefix stream))))
      (flet ((pad ()
               (let ((share (truncate padding remaining)))
                 (decf padding share)
                 (decf remaining)
                 (%write-repeated padchar share stream))))
        (when colon (pad))
        (do ((tail texts (cdr tail))) ((null tail))
          (write-string (car tail) stream)
          (when (cdr tail) (pad)))
        (when at (pad))))))

(defun filled-body (clauses start)
  "The body among the CLAUSES that were parsed from START on, parsed anew with fill newlines, in the directives that it contains, too."
  (let ((*position* start) (*fill-blanks* t))
    (nth (if (cdr clauses) 1 0) (parse-clauses #\>))))

(defun logical-block-element (directive clauses separators close start)
  "~<...~:>: prefix, body and suffix; with ~:@> spaces of the body are fill newlines."
  (let* ((source (subseq *control* start (directive-start close)))
         (colon (directive-colon directive)) (at (directive-at directive))
         (per-line (and separators (directive-at (first separators))))
         (text (lambda (clause) (cond ((null clause) "")
                                      ((and (null (cdr clause)) (stringp (car clause))) (car clause))
                                      (t (format-fail "the prefix or suffix in ~~<~A~~:> holds directives" source)))))
         (count (length clauses))
         (prefix (if (> count 1) (funcall text (first clauses)) (if colon "(" "")))
         (suffix (if (> count 2) (funcall text (third clauses)) (if colon ")" "")))
         (body (if (> count 1) (second clauses) (first clauses))))
    (when (> count 3) (format-fail "~~<~A~~:> has too many parts" source))
    (setq *pretty-directive* t)
    (when (directive-at close) (setq body (filled-body clauses start)))
    (lambda (stream state)
      (let ((list (if at (prog1 (state-rest state) (setf (state-rest state) nil)) (next-argument state))))
        (%format-logical-block stream list prefix per-line suffix
                               (lambda (stream list)
                                 (let ((state (make-state list)))
                                   (setf (state-block state) stream)
                                   (catch state (run-elements body stream state)))))
        nil))))

(defun fill-elements (text)
  "The text taken apart so that a :FILL newline follows every run of spaces."
  (let ((parts '()) (start 0))
    (loop
      (let ((space (position #\Space text :start start)))
        (when (null space)
          (when (< start (length text)) (push (subseq text start) parts))
          (return (nreverse parts)))
        (let ((end (or (position #\Space text :start space :test #'char/=) (length text))))
          (push (subseq text start end) parts)
          (push (lambda (stream state) (declare (ignore state)) (pprint-newline :fill stream) nil) parts)
          (setq start end))))))

;;; FORMAT

(defun format-to-stream (stream control arguments)
  (if (functionp control)
      (apply control stream arguments)
      (run-elements (control-elements control) stream (make-state arguments))))

(defun format (destination control &rest arguments)
  (cond ((null destination)
         (let ((stream (%make-string-output-stream 'character)))
           (format-to-stream stream control arguments)
           (get-output-stream-string stream)))
        ((eq destination t) (format-to-stream *standard-output* control arguments) nil)
        ((streamp destination) (format-to-stream destination control arguments) nil)
        ((and (stringp destination) (array-has-fill-pointer-p destination))
         (with-output-to-string (stream destination) (format-to-stream stream control arguments))
         nil)
        (t (error 'type-error :datum destination :expected-type '(or null (eql t) stream string)))))

(defmacro formatter (control)
  (parse-control control)
  `(lambda (stream &rest arguments)
     (let ((state (make-state arguments)))
       (run-elements (control-elements ,control) stream state)
       (state-rest state))))
