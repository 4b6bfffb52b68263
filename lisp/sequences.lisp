;;; sequences.lisp: sequences (CLHS 17): keywords, and what calls keys, tests and predicates.
;;;
;;; As for lists (lists.lisp), there are two ways: a leaf when the test has a code and there is no key, and otherwise one predicate
;;; of an element.  %BOUNDS checks START and END at once, signals for improper lists, and gives END as an integer; %DO-RANGE
;;; then goes through the elements of a list or vector in either direction.
;;;
;;; What removes elements first marks them in a bit vector, from START on (%MARK, %MARK-IF); %REMOVE-MARKED makes the result.  So
;;; COUNT, FROM-END and the kinds of sequences are each dealt with in one place.
;;;
;;; Result types: %RESULT-TYPE turns a type specifier into LIST or a type code, and a length if the type has one.

(in-package "SYS")

(defmacro %do-range ((x i sequence start end from-end) &body body)
  "BODY with X each element and I its index, between bounds that were checked.  FROM-END NIL in the source gives no backward loops."
  (let* ((tail (make-symbol "TAIL"))
         (forward
           `(if (listp ,sequence)
                (do ((,tail (nthcdr ,start ,sequence) (cdr ,tail)) (,i ,start (+ ,i 1)))
                    ((>= ,i ,end))
                  (let ((,x (car ,tail))) ,@body))
                (do ((,i ,start (+ ,i 1)))
                    ((>= ,i ,end))
                  (let ((,x (aref ,sequence ,i))) ,@body)))))
    (if (null from-end)
        forward
        `(if (not ,from-end)
             ,forward
             (let ((,tail (if (listp ,sequence) (%reverse-list (subseq ,sequence ,start ,end)) nil)))
               (do ((,i (- ,end 1) (- ,i 1)))
                   ((< ,i ,start))
                 (let ((,x (if (listp ,sequence) (car ,tail) (aref ,sequence ,i))))
                   (setq ,tail (cdr ,tail))
                   ,@body)))))))

(defun %code (key test test-not)
  "The test's code if a leaf can do the search."
  (if (or key test-not) nil (%test-code test)))

;;; -- FIND, POSITION, COUNT --

(defun %find-if (predicate sequence from-end start end)
  (let ((end (%bounds sequence start end)))
    (%do-range (x i sequence start end from-end)
      (if (funcall predicate x) (return-from %find-if x)))
    nil))

(defun %position-if (predicate sequence from-end start end)
  (let ((end (%bounds sequence start end)))
    (%do-range (x i sequence start end from-end)
      (if (funcall predicate x) (return-from %position-if i)))
    nil))

(defun %count-if (predicate sequence from-end start end)
  (let ((end (%bounds sequence start end)) (count 0))
    (%do-range (x i sequence start end from-end)
      (if (funcall predicate x) (setq count (+ count 1))))
    count))

(defun find (item sequence &key from-end (start 0) end key test test-not)
  "The first element, or the last, that matches ITEM (CLHS 17.3)."
  (let ((code (%code key test test-not)))
    (if code
        (%find code item sequence from-end start end)
        (%find-if (%matcher item key test test-not) sequence from-end start end))))
(defun find-if (predicate sequence &key from-end (start 0) end key)
  (%find-if (%keyed predicate key) sequence from-end start end))
(defun find-if-not (predicate sequence &key from-end (start 0) end key)
  (%find-if (%keyed-not predicate key) sequence from-end start end))

(defun position (item sequence &key from-end (start 0) end key test test-not)
  "The index of the first element, or the last, that matches ITEM (CLHS 17.3)."
  (let ((code (%code key test test-not)))
    (if code
        (%position code item sequence from-end start end)
        (%position-if (%matcher item key test test-not) sequence from-end start end))))
(defun position-if (predicate sequence &key from-end (start 0) end key)
  (%position-if (%keyed predicate key) sequence from-end start end))
(defun position-if-not (predicate sequence &key from-end (start 0) end key)
  (%position-if (%keyed-not predicate key) sequence from-end start end))

(defun count (item sequence &key from-end (start 0) end key test test-not)
  "How many elements match ITEM (CLHS 17.3)."
  (let ((code (%code key test test-not)))
    (if code
        (%count code item sequence start end)
        (%count-if (%matcher item key test test-not) sequence from-end start end))))
(defun count-if (predicate sequence &key from-end (start 0) end key)
  (%count-if (%keyed predicate key) sequence from-end start end))
(defun count-if-not (predicate sequence &key from-end (start 0) end key)
  (%count-if (%keyed-not predicate key) sequence from-end start end))

(%define-fast-call find %find nil 0 nil)
(%define-fast-call position %position nil 0 nil)
(%define-fast-call count %count 0 nil)

;;; -- REMOVE, DELETE --

(defun %mark-if (predicate sequence from-end start end count)
  "A bit vector that says of the elements from START to END which REMOVE-IF removes."
  (if (and count (not (integerp count))) (error 'type-error :datum count :expected-type '(or null integer)))
  (let* ((end (%bounds sequence start end)) (marks (%make-simple-array +bit-code+ (- end start))))
    (if (and count (<= count 0)) (return-from %mark-if marks))
    (%do-range (x i sequence start end from-end)
      (when (funcall predicate x)
        (setf (sbit marks (- i start)) 1)
        (if (and count (= (setq count (- count 1)) 0)) (return-from %mark-if marks))))
    marks))

(defun %filter-list (predicate list)
  "A copy of LIST without the elements for which PREDICATE is true."
  (%bounds list 0 nil)
  (let ((result nil))
    (dolist (x list (%nreverse-list result))
      (if (funcall predicate x) nil (push x result)))))

(defun %remove-if (predicate sequence from-end start end count destructive)
  (if (and (listp sequence) (eql start 0) (null end) (null count) (null from-end) (null destructive))
      (%filter-list predicate sequence)
      (%remove-marked sequence (%mark-if predicate sequence from-end start end count) start destructive)))

(defun remove (item sequence &key from-end (start 0) end count key test test-not)
  "The sequence without the elements that match ITEM (CLHS 17.3)."
  (let ((code (%code key test test-not)))
    (cond ((null code) (%remove-if (%matcher item key test test-not) sequence from-end start end count nil))
          ((and (listp sequence) (eql start 0) (null end) (null count)) (%remove-from-list code item sequence))
          (t (%remove-marked sequence (%mark code item sequence from-end start end count) start nil)))))
(defun remove-if (predicate sequence &key from-end (start 0) end count key)
  (%remove-if (%keyed predicate key) sequence from-end start end count nil))
(defun remove-if-not (predicate sequence &key from-end (start 0) end count key)
  (%remove-if (%keyed-not predicate key) sequence from-end start end count nil))

(defun delete (item sequence &key from-end (start 0) end count key test test-not)
  "REMOVE that may reuse the sequence (CLHS 17.3)."
  (let ((code (%code key test test-not)))
    (cond ((null code) (%remove-if (%matcher item key test test-not) sequence from-end start end count t))
          ((and (listp sequence) (eql start 0) (null end) (null count)) (%delete-from-list code item sequence))
          (t (%remove-marked sequence (%mark code item sequence from-end start end count) start t)))))
(defun delete-if (predicate sequence &key from-end (start 0) end count key)
  (%remove-if (%keyed predicate key) sequence from-end start end count t))
(defun delete-if-not (predicate sequence &key from-end (start 0) end count key)
  (%remove-if (%keyed-not predicate key) sequence from-end start end count t))

;;; -- Duplicates --

(defun %key-vector (sequence key start end)
  "A simple vector of the keys of the elements from START to END."
  (let ((keys (%concatenate-vector +vector-code+ (subseq sequence start end))))
    (when key
      (dotimes (i (length keys)) (setf (svref keys i) (funcall key (svref keys i)))))
    keys))

(defun %mark-seen (keys marks code from-end)
  "Marks the keys that come again, by a hash table: the earlier ones, or the later ones if FROM-END."
  (let ((seen (%make-hash-table code nil (length keys) 0 nil nil nil nil nil)) (n (length keys)))
    (dotimes (i n)
      (let* ((i (if from-end i (- n i 1))) (key (svref keys i)))
        (if (gethash key seen)
            (setf (sbit marks i) 1)
            (%puthash key seen t))))))

(defun %mark-pairs (keys marks test from-end)
  (let ((n (length keys)))
    (dotimes (i n)
      (do ((j (+ i 1) (+ j 1)))
          ((>= j n))
        (cond (from-end
               (if (and (eql (sbit marks j) 0) (funcall test (svref keys i) (svref keys j))) (setf (sbit marks j) 1)))
              ((funcall test (svref keys i) (svref keys j))
               (setf (sbit marks i) 1)
               (return)))))))

(defun %without-duplicates (sequence key test test-not start end from-end destructive)
  (let* ((end (%bounds sequence start end))
         (keys (%key-vector sequence key start end))
         (marks (%make-simple-array +bit-code+ (length keys)))
         (code (if test-not nil (%test-code test))))
    (if (and code (> (length keys) 12))
        (%mark-seen keys marks code from-end)
        (%mark-pairs keys marks (%two-argument-test test test-not) from-end))
    (%remove-marked sequence marks start destructive)))

(defun remove-duplicates (sequence &key from-end (start 0) end key test test-not)
  "The sequence with only the last, or the first, of elements that match (CLHS 17.3)."
  (%without-duplicates sequence key test test-not start end from-end nil))
(defun delete-duplicates (sequence &key from-end (start 0) end key test test-not)
  (%without-duplicates sequence key test test-not start end from-end t))

;;; -- SUBSTITUTE --

(defun %nsubstitute-if (new predicate sequence from-end start end count)
  (let* ((marks (%mark-if predicate sequence from-end start end count)) (n (length marks)))
    (if (listp sequence)
        (do ((i 0 (+ i 1)) (tail (nthcdr start sequence) (cdr tail)))
            ((>= i n))
          (if (eql (sbit marks i) 1) (rplaca tail new)))
        (dotimes (i n)
          (if (eql (sbit marks i) 1) (setf (aref sequence (+ start i)) new))))
    sequence))

(defun nsubstitute (new old sequence &key from-end (start 0) end count key test test-not)
  "The sequence with NEW stored for the elements that match OLD (CLHS 17.3)."
  (let ((code (%code key test test-not)))
    (if code
        (%nsubstitute code new old sequence from-end start end count)
        (%nsubstitute-if new (%matcher old key test test-not) sequence from-end start end count))))
(defun nsubstitute-if (new predicate sequence &key from-end (start 0) end count key)
  (%nsubstitute-if new (%keyed predicate key) sequence from-end start end count))
(defun nsubstitute-if-not (new predicate sequence &key from-end (start 0) end count key)
  (%nsubstitute-if new (%keyed-not predicate key) sequence from-end start end count))

(defun substitute (new old sequence &key from-end (start 0) end count key test test-not)
  "A copy of the sequence with NEW for the elements that match OLD (CLHS 17.3)."
  (nsubstitute new old (copy-seq sequence)
               :from-end from-end :start start :end end :count count :key key :test test :test-not test-not))
(defun substitute-if (new predicate sequence &key from-end (start 0) end count key)
  (%nsubstitute-if new (%keyed predicate key) (copy-seq sequence) from-end start end count))
(defun substitute-if-not (new predicate sequence &key from-end (start 0) end count key)
  (%nsubstitute-if new (%keyed-not predicate key) (copy-seq sequence) from-end start end count))

;;; -- FILL, REPLACE, SEARCH, MISMATCH --

(defun fill (sequence item &key (start 0) end)
  "Stores ITEM in the elements from START to END (CLHS 17.3)."
  (%fill sequence item start end))

(defun replace (sequence-1 sequence-2 &key (start1 0) end1 (start2 0) end2)
  "Stores elements of SEQUENCE-2 in SEQUENCE-1 (CLHS 17.3)."
  (%replace sequence-1 sequence-2 start1 end1 start2 end2))

(defun %search-keys (test keys-1 keys-2 from-end)
  (let* ((n (length keys-1)) (last (- (length keys-2) n)))
    (do ((i 0 (+ i 1)))
        ((> i last) nil)
      (let ((at (if from-end (- last i) i)))
        (if (dotimes (k n t)
              (if (funcall test (svref keys-1 k) (svref keys-2 (+ at k))) nil (return nil)))
            (return at))))))

(defun search (sequence-1 sequence-2 &key from-end (start1 0) end1 (start2 0) end2 key test test-not)
  "The index in SEQUENCE-2 of the first, or last, run of elements that match those of SEQUENCE-1 (CLHS 17.3)."
  (let ((code (%code key test test-not)))
    (if code
        (%search code sequence-1 sequence-2 from-end start1 end1 start2 end2)
        (let ((at (%search-keys (%two-argument-test test test-not)
                                (%key-vector sequence-1 key start1 end1) (%key-vector sequence-2 key start2 end2) from-end)))
          (if at (+ at start2) nil)))))

(defun %mismatch-keys (test keys-1 keys-2 from-end)
  "How many elements match from the start, or from the end; NIL if all do."
  (let* ((n1 (length keys-1)) (n2 (length keys-2)) (n (min n1 n2)))
    (do ((i 0 (+ i 1)))
        ((>= i n) (if (= n1 n2) nil n))
      (if (funcall test (svref keys-1 (if from-end (- n1 i 1) i)) (svref keys-2 (if from-end (- n2 i 1) i)))
          nil
          (return i)))))

(defun mismatch (sequence-1 sequence-2 &key from-end (start1 0) end1 (start2 0) end2 key test test-not)
  "The index in SEQUENCE-1 of the first element that does not match that of SEQUENCE-2; FROM-END: behind the last (CLHS 17.3)."
  (let ((code (%code key test test-not)))
    (if code
        (%mismatch code sequence-1 sequence-2 from-end start1 end1 start2 end2)
        (let* ((end1 (%bounds sequence-1 start1 end1))
               (matches (%mismatch-keys (%two-argument-test test test-not)
                                        (%key-vector sequence-1 key start1 end1) (%key-vector sequence-2 key start2 end2)
                                        from-end)))
          (cond ((null matches) nil)
                (from-end (- end1 matches))
                (t (+ start1 matches)))))))

;;; -- REDUCE --

(defun reduce (function sequence &key key from-end (start 0) end (initial-value nil initial-p))
  "Combines the elements with FUNCTION (CLHS 17.3)."
  (let ((end (%bounds sequence start end)) (result initial-value) (some initial-p))
    (if from-end
        (%do-range (x i sequence start end t)
          (let ((x (if key (funcall key x) x)))
            (setq result (if some (funcall function x result) x) some t)))
        (%do-range (x i sequence start end nil)
          (let ((x (if key (funcall key x) x)))
            (setq result (if some (funcall function result x) x) some t))))
    (if some result (funcall function))))

;;; -- Result types --

(defun %type-length (dimension)
  "The length that the dimensions of an array type say, or NIL."
  (let ((d (if (and (consp dimension) (null (cdr dimension))) (car dimension) dimension)))
    (if (integerp d) d nil)))

(defun %vector-type (type arguments)
  "Type code and length of a compound vector type; NIL if the operator is none."
  (let ((first (if arguments (car arguments) '*)) (second (if (cdr arguments) (cadr arguments) '*)))
    (case type
      ((vector) (values (%type-code (if (eq first '*) t first)) (%type-length second)))
      ((simple-vector) (values (%type-code t) (%type-length first)))
      ((string simple-string) (values (%type-code 'character) (%type-length first)))
      ((base-string simple-base-string) (values (%type-code 'base-char) (%type-length first)))
      ((bit-vector simple-bit-vector) (values (%type-code 'bit) (%type-length first)))
      ((array simple-array)
       (if (or (eq second '*) (eql second 1) (and (consp second) (null (cdr second))))
           (values (%type-code (if (eq first '*) t first)) (if (consp second) (%type-length second) nil))
           nil))
      (t nil))))

(defun %result-type-error (type)
  (error 'type-error :datum type :expected-type '(satisfies %sequence-type-p)))

(defun %sequence-type-p (type)
  "Whether TYPE is a recognizable subtype of LIST or VECTOR."
  (or (subtypep type 'list) (subtypep type 'vector)))

(defun %other-result-type (type)
  "%RESULT-TYPE of types that need the type system."
  (cond ((subtypep type 'null) (values 'list 0))
        ((subtypep type 'list) (values 'list nil))
        ((subtypep type 'vector)
         (dolist (element '(bit base-char character (unsigned-byte 8) (signed-byte 8) (unsigned-byte 16) (signed-byte 16)
                            (unsigned-byte 32) (signed-byte 32) fixnum (unsigned-byte 64) (signed-byte 64) single-float double-float)
                          (cond ((subtypep type '(array t (*))) (values (%type-code t) nil))
                                ((and (consp type) (eq (car type) 'or)) (%result-type-error type))
                                (t (values (if (subtypep type 'string) +string-code+ +vector-code+) nil))))
           (if (subtypep type `(array ,element (*))) (return (values (%type-code element) nil)))))
        (t (%result-type-error type))))

(defun %result-type (type)
  "LIST or a type code for the type of a new sequence, and its length if the type has one."
  (case type
    ((list) (values 'list nil))
    ((null) (values 'list 0))
    ((string simple-string) (values +string-code+ nil))
    ((vector simple-vector) (values +vector-code+ nil))
    (t (multiple-value-bind (code length)
           (if (consp type) (%vector-type (car type) (cdr type)) (%vector-type type nil))
         (if code
             (values code length)
             (multiple-value-bind (expansion expanded) (%type-expand-1 type)
               (if expanded (%result-type expansion) (%other-result-type type))))))))

(defun %check-result-length (type required length)
  "Signals if a result of LENGTH elements is not of the type, which asks for REQUIRED ones or is silent (NIL)."
  (if (and required (not (= required length)))
      (error 'type-error :datum length :expected-type `(integer ,required ,required)))
  (if (and (eql length 0) (eq (if (consp type) (car type) type) 'cons)) (error 'type-error :datum length :expected-type '(integer 1))))

(defun make-sequence (result-type size &key (initial-element nil element-p))
  "A fresh sequence (CLHS 17.3)."
  (multiple-value-bind (code length) (%result-type result-type)
    (if (not (and (%fixnump size) (>= size 0))) (error 'type-error :datum size :expected-type '(integer 0)))
    (%check-result-length result-type length size)
    (cond ((eq code 'list) (%make-list size initial-element))
          (element-p (%make-simple-array code size initial-element))
          (t (%make-simple-array code size)))))

(defun concatenate (result-type &rest sequences)
  "A fresh sequence of the elements of all SEQUENCES (CLHS 17.3)."
  (multiple-value-bind (code length) (%result-type result-type)
    (let ((result (if (eq code 'list)
                      (apply #'%concatenate-list sequences)
                      (apply #'%concatenate-vector code sequences))))
      (if (or length (consp result-type) (eq result-type 'cons)) (%check-result-length result-type length (length result)))
      result)))

(define-compiler-macro concatenate (&whole form result-type &rest sequences)
  (if (and (consp result-type) (eq (car result-type) 'quote))
      (case (cadr result-type)
        ((string simple-string) `(%concatenate-vector ,(%element-type-code 'character) ,@sequences))
        ((vector simple-vector) `(%concatenate-vector ,(%element-type-code t) ,@sequences))
        ((list) `(%concatenate-list ,@sequences))
        (t form))
      form))

(defun %coerce-sequence (sequence type)
  "COERCE of a sequence to a sequence type."
  (if (typep sequence type) sequence (concatenate type sequence)))

;;; -- MAP --

(defun %map-sequences (function sequences collect)
  "Calls FUNCTION with the elements of several sequences and COLLECT with each result."
  (let ((rest (copy-list sequences)) (n nil))
    (dolist (s sequences)
      (let ((length (length s)))
        (if (or (null n) (< length n)) (setq n length))))
    (dotimes (i n)
      (let ((arguments nil))
        (do ((r rest (cdr r)))
            ((null r))
          (let ((s (car r)))
            (cond ((listp s) (push (car s) arguments) (rplaca r (cdr s)))
                  (t (push (aref s i) arguments)))))
        (funcall collect (apply function (%nreverse-list arguments)))))))

(defun %collect-values (function sequences)
  "The list, in reverse order, of the values of FUNCTION."
  (let ((result nil))
    (%map-sequences function sequences (lambda (x) (push x result)))
    result))

(defun %map-list (function sequence more)
  "The list, in reverse order, of the values of FUNCTION."
  (if more
      (%collect-values function (cons sequence more))
      (let ((end (%bounds sequence 0 nil)) (result nil))
        (%do-range (x i sequence 0 end nil) (push (funcall function x) result))
        result)))

(defun map (result-type function sequence &rest more)
  "A sequence of the values of FUNCTION for the elements of the sequences; NIL if RESULT-TYPE is NIL (CLHS 17.3)."
  (cond ((null result-type) (apply #'%map-for-effect function sequence more))
        (t (multiple-value-bind (code length) (%result-type result-type)
             (let ((values (%nreverse-list (%map-list function sequence more))))
               (if (or length (consp result-type)) (%check-result-length result-type length (length values)))
               (if (eq code 'list) values (%concatenate-vector code values)))))))

(defun %map-to (code function sequence &rest more)
  "MAP to a list (code LIST) or a vector of that type code."
  (let ((values (%nreverse-list (%map-list function sequence more))))
    (if (eq code 'list) values (%concatenate-vector code values))))

(defun %map-for-effect (function sequence &rest more)
  "MAP to NIL."
  (if more
      (%map-sequences function (cons sequence more) #'identity)
      (let ((end (%bounds sequence 0 nil)))
        (%do-range (x i sequence 0 end nil) (funcall function x))))
  nil)

(define-compiler-macro map (&whole form result-type function sequence &rest more)
  (let ((type (if (and (consp result-type) (eq (car result-type) 'quote)) (cadr result-type) result-type)))
    (case type
      ((nil) `(%map-for-effect ,function ,sequence ,@more))
      (list (if (consp result-type) `(%map-to 'list ,function ,sequence ,@more) form))
      ((vector simple-vector) (if (consp result-type) `(%map-to ,(%element-type-code t) ,function ,sequence ,@more) form))
      ((string simple-string) (if (consp result-type) `(%map-to ,(%element-type-code 'character) ,function ,sequence ,@more) form))
      (t form))))

(defun %map-into-length (result sequences)
  (let ((n (if (listp result) (length result) (array-dimension result 0))))
    (dolist (s sequences n)
      (let ((length (length s)))
        (if (< length n) (setq n length))))))

(defun %shortened (sequences n)
  "The sequences, the first one with N elements at most."
  (if (> (length (car sequences)) n) (cons (subseq (car sequences) 0 n) (cdr sequences)) sequences))

(defun map-into (result-sequence function &rest sequences)
  "Stores the values of FUNCTION for the elements of the sequences in RESULT-SEQUENCE (CLHS 17.3)."
  (if (not (or (listp result-sequence) (vectorp result-sequence)))
      (error 'type-error :datum result-sequence :expected-type 'sequence))
  (let* ((n (%map-into-length result-sequence sequences)) (i 0) (tail (if (listp result-sequence) result-sequence nil)))
    (flet ((store (x)
             (if (listp result-sequence)
                 (progn (rplaca tail x) (setq tail (cdr tail)))
                 (setf (aref result-sequence i) x))
             (setq i (+ i 1))))
      (if (and sequences (null (cdr sequences)))
          (let ((source (car sequences)))
            (%do-range (x k source 0 n nil) (store (funcall function x))))
          (if sequences
              (%map-sequences function (%shortened sequences n) #'store)
              (dotimes (k n) (store (funcall function)))))
      (if (and (vectorp result-sequence) (array-has-fill-pointer-p result-sequence))
          (setf (fill-pointer result-sequence) n)))
    result-sequence))

;;; -- Quantifiers --

(defun %first-value (function sequences test)
  "The first value of FUNCTION that satisfies TEST, and whether there is one."
  (%map-sequences function sequences (lambda (x) (if (funcall test x) (return-from %first-value (values x t)))))
  (values nil nil))

(defmacro %define-quantifier (name doc test otherwise several)
  "TEST is a form of X, the value of the predicate, that returns from the block NAME or does not; SEVERAL is the form for more sequences."
  `(defun ,name (predicate sequence &rest more)
     ,doc
     (cond (more
            (let ((sequences (cons sequence more))) ,several))
           ((listp sequence)
            (dolist (e sequence ,otherwise)
              (let ((x (funcall predicate e))) ,test)))
           (t (let ((end (length sequence)))
                (%do-range (e i sequence 0 end nil) (let ((x (funcall predicate e))) ,test))
                ,otherwise)))))

(%define-quantifier every "Whether PREDICATE is true of all elements (CLHS 5.3)."
  (if x nil (return-from every nil)) t (not (nth-value 1 (%first-value predicate sequences #'not))))
(%define-quantifier some "The first true value of PREDICATE (CLHS 5.3)."
  (if x (return-from some x)) nil (values (%first-value predicate sequences #'identity)))
(%define-quantifier notany "Whether PREDICATE is false of all elements (CLHS 5.3)."
  (if x (return-from notany nil)) t (not (%first-value predicate sequences #'identity)))
(%define-quantifier notevery "Whether PREDICATE is false of some element (CLHS 5.3)."
  (if x nil (return-from notevery t)) nil (nth-value 1 (%first-value predicate sequences #'not)))
