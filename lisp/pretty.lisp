;;; pretty.lisp: the pretty printer (CLHS 22.2; R. Waters, XP, 1989).
;;;
;;; While a logical block is open, what is written to its stream is recorded: text, conditional newlines, indentations, tabs, and the blocks inside.
;;; When the outermost block closes, the record is laid out line by line and written.  The rule is the standard's: a section is what lies
;;; between two newlines of one block, or between a newline and the block's end.
;;;
;;;     linear     breaks when the section that contains the block does not fit on its line
;;;     miser      like linear, when the block is in miser style
;;;     fill       breaks when the section before it was broken, or the one behind it does not fit on the rest of the line
;;;     mandatory  breaks
;;;
;;; A recording stream is a string output stream, so every writer can write to it.  Limit: nothing appears before the outermost block is closed.

(in-package "SYS")

(defvar *recording* nil) ; of the innermost open outermost block: (stream . items), the latest first; NIL when there is none

(defun recording-p (stream) (and *recording* (eq stream (car *recording*))))

(defun record (item)
  (let* ((stream (car *recording*)) (column (%stream-column stream)) (text (get-output-stream-string stream)))
    (%set-stream-column stream column)
    (when (plusp (length text)) (record-text text))
    (push item (cdr *recording*))))

(defun record-text (text)
  "Newlines in the text are lines' ends whatever happens."
  (let ((start 0))
    (loop
      (let ((end (position #\Newline text :start start)))
        (when (> (or end (length text)) start) (push (subseq text start end) (cdr *recording*)))
        (when (null end) (return))
        (push '(:newline :literal) (cdr *recording*))
        (setq start (1+ end))))))

;;; Operations

(defun pprint-newline (kind &optional stream)
  (unless (member kind '(:linear :miser :fill :mandatory))
    (error 'type-error :datum kind :expected-type '(member :linear :miser :fill :mandatory)))
  (when (and *print-pretty* (recording-p (%printer-stream stream))) (record (list :newline kind)))
  nil)

(defun pprint-indent (relative-to n &optional stream)
  (unless (member relative-to '(:block :current))
    (error 'type-error :datum relative-to :expected-type '(member :block :current)))
  (when (and *print-pretty* (recording-p (%printer-stream stream))) (record (list :indent relative-to (round n))))
  nil)

(defun pprint-tab (kind column increment &optional stream)
  (unless (member kind '(:line :section :line-relative :section-relative))
    (error 'type-error :datum kind :expected-type '(member :line :section :line-relative :section-relative)))
  (when (and *print-pretty* (recording-p (%printer-stream stream))) (record (list :tab kind column increment)))
  nil)

;;; The record as a tree: a block is (:block prefix per-line suffix item...)

(defun block-prefix (block) (second block))
(defun block-per-line (block) (third block))
(defun block-suffix (block) (fourth block))
(defun block-items (block) (nthcdr 4 block))

(defun tree-of-items (items)
  "Nests what lies between (:open ...) and (:close): the items of the outermost level."
  (let ((levels (list '())))
    (dolist (item items)
      (cond ((atom item) (push item (car levels)))
            ((eq (car item) :open) (push (list item) levels))
            ((eq (car item) :close)
             (let* ((inner (nreverse (pop levels))) (open (car inner)))
               (push (list* :block (second open) (third open) (second item) (cdr inner)) (car levels))))
            (t (push item (car levels)))))
    (nreverse (car levels))))

;;; Layout

(defvar *layout-stream*)
(defvar *layout-column*)
(defvar *layout-blanks*)   ; blanks that are not yet written: a line's end drops them
(defvar *layout-margin*)
(defvar *layout-lines*)    ; lines finished so far
(defvar *layout-prefixes*) ; per-line prefixes that are open: pairs (column . text), innermost first
(defvar *layout-suffixes*)

(defun newline-item-p (item) (and (consp item) (eq (car item) :newline)))

(defun tab-width (item column section)
  "Blanks that a tab makes at COLUMN, in a section that begins at column SECTION."
  (destructuring-bind (kind n increment) (cdr item)
    (let* ((base (if (member kind '(:section :section-relative)) section 0)) (here (- column base)))
      (if (member kind '(:line-relative :section-relative))
          (let ((target (+ here n)))
            (+ n (if (plusp increment) (mod (- target) increment) 0)))
          (cond ((< here n) (- n here))
                ((zerop increment) 0)
                (t (- increment (mod (- here n) increment))))))))

(defun flat-end (items column limit section)
  "The column behind ITEMS printed on one line from COLUMN on; something beyond LIMIT as soon as it is known not to fit."
  (dolist (item items column)
    (when (> column limit) (return column))
    (cond ((stringp item) (incf column (length item)))
          (t (case (car item)
               (:newline (when (member (second item) '(:mandatory :literal)) (return (1+ limit)))
                (setq section column))
               (:tab (incf column (tab-width item column section)))
               (:block
                (let ((inside (+ column (length (block-prefix item)))))
                  (setq column (+ (flat-end (block-items item) inside limit inside) (length (block-suffix item)))))))))))

(defun split-section (items)
  "The items up to the next newline, and the rest, newline first."
  (let ((section '()))
    (do () ((or (null items) (newline-item-p (car items))))
      (push (pop items) section))
    (values (nreverse section) items)))

(defun lay-text (text)
  (let ((end (or (position #\Space text :test #'char/= :from-end t) -1)))
    (when (>= end 0)
      (dotimes (i *layout-blanks*) (write-char #\Space *layout-stream*))
      (setq *layout-blanks* 0)
      (write-string text *layout-stream* :end (1+ end)))
    (incf *layout-blanks* (- (length text) end 1))
    (incf *layout-column* (length text))))

(defun lay-blanks (count)
  (incf *layout-blanks* count)
  (incf *layout-column* count))

(defun lay-flat (items section)
  (dolist (item items)
    (cond ((stringp item) (lay-text item))
          (t (case (car item)
               (:newline (setq section *layout-column*))
               (:tab (lay-blanks (tab-width item *layout-column* section)))
               (:block
                (lay-text (block-prefix item))
                (lay-flat (block-items item) *layout-column*)
                (lay-text (block-suffix item))))))))

(defun lay-line-end (indentation literal)
  (incf *layout-lines*)
  (when (and *print-lines* (not *print-readably*) (>= *layout-lines* *print-lines*))
    (write-string " .." *layout-stream*)
    (dolist (suffix *layout-suffixes*) (write-string suffix *layout-stream*))
    (throw 'layout-done nil))
  (when literal (dotimes (i *layout-blanks*) (write-char #\Space *layout-stream*)))
  (write-char #\Newline *layout-stream*)
  (setq *layout-column* 0 *layout-blanks* 0)
  (dolist (prefix (reverse *layout-prefixes*))
    (lay-blanks (max 0 (- (car prefix) *layout-column*)))
    (lay-text (cdr prefix)))
  (unless literal
    (when (> indentation *layout-column*) (lay-blanks (- indentation *layout-column*)))))

(defun lay-block (block trailing)
  "Lays out a block whose containing section does not fit; TRAILING columns must stay free behind it."
  (let* ((*layout-prefixes* *layout-prefixes*) (*layout-suffixes* (cons (block-suffix block) *layout-suffixes*))
         (outside *layout-column*))
    (lay-text (block-prefix block))
    (when (block-per-line block) (push (cons outside (block-prefix block)) *layout-prefixes*))
    (lay-sections (block-items block) (+ trailing (length (block-suffix block))))
    (lay-text (block-suffix block))))

(defun lay-sections (items trailing)
  (let* ((start *layout-column*) (indentation start) (broken nil)
         (miser (and *print-miser-width* (<= (- *layout-margin* start) *print-miser-width*))))
    (multiple-value-bind (section rest) (split-section items)
      (loop
        (let ((lines *layout-lines*))
          (setq indentation (lay-section section (if rest 0 trailing) start indentation miser))
          (setq broken (/= lines *layout-lines*)))
        (when (null rest) (return))
        (let ((kind (second (pop rest))))
          (multiple-value-setq (section rest) (split-section rest))
          (when (ecase kind
                  ((:mandatory :literal :linear) t)
                  (:miser miser)
                  (:fill (or miser broken (not (section-fits-p section (if rest 0 trailing))))))
            (lay-line-end indentation (eq kind :literal))))))))

(defun section-fits-p (section trailing)
  "Does the section fit on the line at the present column, with TRAILING columns behind it?  A tab at its end may stand out."
  (when (and section (consp (car (last section))) (eq (car (car (last section))) :tab))
    (setq section (butlast section)))
  (<= (+ (flat-end section *layout-column* *layout-margin* *layout-column*) trailing) *layout-margin*))

(defun lay-section (section trailing start indentation miser)
  "Lays out the items of a section; returns the indentation that holds behind it."
  (let ((fits (section-fits-p section trailing)) (origin *layout-column*))
    (do ((tail section (cdr tail))) ((null tail) indentation)
      (let ((item (car tail)))
        (cond ((stringp item) (lay-text item))
              (t (ecase (car item)
                   (:tab (lay-blanks (tab-width item *layout-column* origin)))
                   (:indent (unless miser
                              (setq indentation (max 0 (+ (third item) (if (eq (second item) :block) start *layout-column*))))))
                   (:block (if fits
                               (lay-flat (list item) origin)
                               (lay-block item (+ (flat-end (cdr tail) 0 *layout-margin* 0) trailing)))))))))))

(defun lay-out (items stream column)
  (let ((*layout-stream* stream) (*layout-column* column) (*layout-blanks* 0)
        (*layout-margin* (or *print-right-margin* 80)) (*layout-lines* 0) (*layout-prefixes* '()) (*layout-suffixes* '()))
    (catch 'layout-done
      (lay-section items 0 0 0 nil)
      (dotimes (i *layout-blanks*) (write-char #\Space stream)))))

;;; Logical blocks

(defun %call-with-block (stream prefix per-line suffix body)
  "Calls BODY with the stream to write to, inside of a new block."
  (check-type prefix string)
  (check-type suffix string)
  (cond ((not *print-pretty*)
         (write-string prefix stream)
         (funcall body stream)
         (write-string suffix stream))
        ((recording-p stream)
         (record (list :open prefix per-line))
         (funcall body stream)
         (record (list :close suffix)))
        (t (let* ((recorder (%make-string-output-stream 'character)) (column (or (%stream-column stream) 0)) (items '()))
             (%set-stream-column recorder column)
             (let ((*recording* (list recorder)))
               (record (list :open prefix per-line))
               (funcall body recorder)
               (record (list :close suffix))
               (setq items (reverse (cdr *recording*))))
             (lay-out (tree-of-items items) stream column)))))

(defun %call-with-logical-block (stream object prefix per-line suffix body)
  "As PPRINT-LOGICAL-BLOCK: an atom is written as it is; else BODY is called with the stream and the list."
  (let ((stream (%printer-stream stream)))
    (cond ((not (listp object)) (output-object object stream))
          ((and *print-circle* (null *circle-labels*) (consp object))
           (with-circle-labels (stream)
             (%call-with-logical-block stream object prefix per-line suffix body)))
          ((and *circle-labels* (consp object) (not (eq object *circle-object*)) (circle-reference object stream)))
          (t (setq *circle-object* nil) (with-deeper-level (stream)
               (%call-with-block stream prefix per-line suffix (lambda (stream) (funcall body stream object))))))
    nil))

(defmacro pprint-logical-block ((stream-symbol object &key (prefix "" prefix-p) (per-line-prefix nil per-line-p) (suffix "")) &body body)
  (when (and prefix-p per-line-p) (%leaf-error 'program-error :format-control "Both :PREFIX and :PER-LINE-PREFIX are given." :format-arguments '()))
  (let ((stream (case stream-symbol ((nil) '*standard-output*) ((t) '*terminal-io*) (t stream-symbol)))
        (list (gensym "LIST")) (count (gensym "COUNT")) (name (gensym "BLOCK")) (given (gensym "STREAM")))
    `(let ((,given ,stream))
       (%call-with-logical-block
        ,given ,object ,(if per-line-p per-line-prefix prefix) ,(and per-line-p t) ,suffix
        (lambda (,stream ,list)
          (declare (ignorable ,stream ,list))
          (block ,name
            (let ((,count 0))
              (declare (ignorable ,count))
              (macrolet ((pprint-pop ()
                           '(progn
                             (when (%logical-block-ends ,list ,count ,stream) (return-from ,name nil))
                             (incf ,count)
                             (pop ,list)))
                         (pprint-exit-if-list-exhausted ()
                           '(when (null ,list) (return-from ,name nil))))
                ,@body))))))))

(defmacro pprint-pop ()
  (%leaf-error 'program-error :format-control "PPRINT-POP stands outside of PPRINT-LOGICAL-BLOCK." :format-arguments '()))
(defmacro pprint-exit-if-list-exhausted ()
  (%leaf-error 'program-error :format-control "PPRINT-EXIT-IF-LIST-EXHAUSTED stands outside of PPRINT-LOGICAL-BLOCK." :format-arguments '()))

(defun %logical-block-ends (list count stream)
  "True, after printing what shows it, when the block must end before its next element: an atomic tail, a label, or *PRINT-LENGTH*."
  (cond ((and list (atom list))
         (write-string ". " stream)
         (output-object list stream)
         t)
        ((too-long-p count)
         (write-string "..." stream)
         t)
        ((and (plusp count) (circle-tail-p list))
         (write-string ". " stream)
         (output-labelled list stream)
         t)
        (t nil)))

(defun %format-logical-block (stream list prefix per-line suffix body)
  "~<...~:>: BODY is a function of the stream and the arguments."
  (%call-with-logical-block stream list prefix per-line suffix body))

;;; Printing lists

(defmacro pprint-elements ((stream list colon) &body separation)
  "Prints the elements of LIST, in parentheses if COLON, with a space and then SEPARATION between two."
  `(pprint-logical-block (,stream ,list :prefix (if ,colon "(" "") :suffix (if ,colon ")" ""))
     (pprint-exit-if-list-exhausted)
     (loop
       (output-object (pprint-pop) ,stream)
       (pprint-exit-if-list-exhausted)
       (write-char #\Space ,stream)
       ,@separation)))

(defun pprint-linear (stream list &optional (colon t) at)
  (declare (ignore at))
  (pprint-elements (stream list colon)
    (pprint-newline :linear stream)))

(defun pprint-fill (stream list &optional (colon t) at)
  (declare (ignore at))
  (pprint-elements (stream list colon)
    (pprint-newline :fill stream)))

(defun pprint-tabular (stream list &optional (colon t) at (tabsize 16))
  (declare (ignore at))
  (pprint-elements (stream list colon)
    (pprint-tab :section-relative 0 (or tabsize 16) stream)
    (pprint-newline :fill stream)))

(defun pprint-call (stream list)
  "(function argument...), the arguments below each other."
  (pprint-logical-block (stream list :prefix "(" :suffix ")")
    (output-object (pprint-pop) stream)
    (pprint-exit-if-list-exhausted)
    (write-char #\Space stream)
    (pprint-indent :current 0 stream)
    (output-object (pprint-pop) stream)
    (loop
      (pprint-exit-if-list-exhausted)
      (write-char #\Space stream)
      (pprint-newline :linear stream)
      (output-object (pprint-pop) stream))))

(defun pprint-body-form (distinguished)
  "A function that prints an operator with DISTINGUISHED arguments before its body."
  (lambda (stream list)
    (pprint-logical-block (stream list :prefix "(" :suffix ")")
      (output-object (pprint-pop) stream)
      (dotimes (i distinguished)
        (pprint-exit-if-list-exhausted)
        (write-char #\Space stream)
        (pprint-indent :block 3 stream)
        (pprint-newline :miser stream)
        (output-object (pprint-pop) stream))
      (pprint-indent :block 1 stream)
      (loop
        (pprint-exit-if-list-exhausted)
        (write-char #\Space stream)
        (pprint-newline :linear stream)
        (output-object (pprint-pop) stream)))))

(defun pprint-quote (stream list)
  (if (and (consp (cdr list)) (null (cddr list)))
      (progn (write-string (if (eq (car list) 'quote) "'" "#'") stream)
             (output-object (second list) stream))
      (pprint-fill stream list)))

(defun pprint-vector (stream vector)
  (write-char #\# stream)
  (pprint-fill stream (coerce vector 'list)))

;;; Dispatch tables: entries (type function priority test), the best first

(defstruct (pprint-table (:constructor make-pprint-table (&optional entries atoms)) (:copier nil))
  (entries '())
  (atoms nil)) ; may entries be for other objects than conses and vectors?

(defvar *print-pprint-dispatch*)
(defvar *standard-pprint-dispatch*)

(defun type-test (type)
  "A function that tests for a type; (CONS (EQL x)) and (CONS (MEMBER ...)) quickly."
  (if (and (consp type) (eq (car type) 'cons) (consp (cdr type)) (consp (second type)) (member (car (second type)) '(eql member))
           (or (null (cddr type)) (eq (third type) '*) (eq (third type) t)))
      (let ((keys (cdr (second type))))
        (lambda (object) (and (consp object) (member (car object) keys))))
      (lambda (object) (typep object type))))

(defun set-pprint-dispatch (type function &optional (priority 0) (table *print-pprint-dispatch*))
  (check-type priority real)
  (check-type table pprint-table)
  (let ((entries (remove type (pprint-table-entries table) :key #'first :test #'equal)))
    (setf (pprint-table-entries table)
          (if function
              (merge 'list (list (list type function priority (type-test type))) entries #'> :key #'third)
              entries))
    (setf (pprint-table-atoms table)
          (notevery (lambda (entry) (or (member (first entry) '(cons (and vector (not string) (not bit-vector))) :test #'equal)
                                        (and (consp (first entry)) (eq (car (first entry)) 'cons))))
                    (pprint-table-entries table)))
    nil))

(defun pprint-dispatch (object &optional (table *print-pprint-dispatch*))
  (dolist (entry (pprint-table-entries (or table *standard-pprint-dispatch*))
                 (values (lambda (stream object) (output-ugly object stream)) nil))
    (when (funcall (fourth entry) object)
      (return (values (second entry) t)))))

(defun copy-pprint-dispatch (&optional (table *print-pprint-dispatch*))
  (let ((table (or table *standard-pprint-dispatch*)))
    (check-type table pprint-table)
    (make-pprint-table (copy-list (pprint-table-entries table)) (pprint-table-atoms table))))

(defun %pretty-print (object stream)
  (if (and (or (symbolp object) (numberp object) (characterp object) (stringp object))
           (not (pprint-table-atoms *print-pprint-dispatch*)))
      (output-ugly object stream)
      (pretty-print-by-table object stream)))

(defun pretty-print-by-table (object stream)
  (multiple-value-bind (function found) (pprint-dispatch object)
    (if found
        (funcall function stream object)
        (output-ugly object stream))))

(setq *standard-pprint-dispatch* (make-pprint-table))
(setq *print-pprint-dispatch* *standard-pprint-dispatch*)

(set-pprint-dispatch 'cons 'pprint-fill -20)
(set-pprint-dispatch '(cons (and symbol (satisfies fboundp))) 'pprint-call -10)
(set-pprint-dispatch '(and vector (not string) (not bit-vector)) 'pprint-vector -20)
(set-pprint-dispatch '(cons (member quote function)) 'pprint-quote -5)
(set-pprint-dispatch '(cons (member let let* flet labels macrolet symbol-macrolet when unless dolist dotimes lambda block catch eval-when
                             multiple-value-call multiple-value-prog1 prog prog* progv return-from case ecase typecase etypecase
                             handler-bind handler-case restart-case with-open-file with-output-to-string destructuring-bind))
                     (pprint-body-form 1) -5)
(set-pprint-dispatch '(cons (member defun defmacro define-compiler-macro defmethod defgeneric defclass defvar defparameter defconstant
                             deftype defstruct multiple-value-bind do do*))
                     (pprint-body-form 2) -5)
(set-pprint-dispatch '(cons (member progn tagbody locally unwind-protect cond)) (pprint-body-form 0) -5)

(setq *print-pprint-dispatch* (copy-pprint-dispatch nil))

(defun pprint (object &optional stream)
  (let ((stream (%printer-stream stream)) (*print-pretty* t) (*print-escape* t))
    (write-char #\Newline stream)
    (output-object object stream)
    (values)))

(defmacro with-standard-io-syntax (&body body)
  "Runs BODY with the variables of reader and printer as the standard has them (CLHS WITH-STANDARD-IO-SYNTAX)."
  `(let ((*package* (find-package "COMMON-LISP-USER")) (*readtable* *standard-readtable*)
         (*print-array* t) (*print-base* 10) (*print-case* :upcase) (*print-circle* nil) (*print-escape* t) (*print-gensym* t)
         (*print-length* nil) (*print-level* nil) (*print-lines* nil) (*print-miser-width* nil)
         (*print-pprint-dispatch* *standard-pprint-dispatch*) (*print-pretty* nil) (*print-radix* nil) (*print-readably* t)
         (*print-right-margin* nil) (*read-base* 10) (*read-default-float-format* 'single-float) (*read-eval* t) (*read-suppress* nil))
     ,@body))
