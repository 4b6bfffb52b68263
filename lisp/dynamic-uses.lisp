;;;; dynamic-uses.lisp: which functions look for a definition by a symbol that they get, and which give none back.
;;;;
;;;; src/prim/follow.c follows symbols that a program makes (INTERN, READ...) through its code, which ends at the calls of the library's functions: these tables
;;;; say what happens there.  A function of COMMON-LISP that is not here looks for no definition by its arguments, and its value may hold them.  A function of
;;;; another package of the library that is not here may look for one.  So a table that lacks something makes programs larger if it is the library's
;;;; own, and if it is COMMON-LISP's makes an error of a program's call: the symbol that is called was removed by delivery.
(in-package "SYS")

(defparameter *name-users*
  '(((0) funcall apply %map-for-effect mapcar mapc mapcan mapcon mapl maplist every some notany notevery maphash complement concatenate subtypep upgraded-array-element-type
         error signal warn %coerce-to-condition make-condition make-instance allocate-instance find-class symbol-value symbol-function fdefinition boundp fboundp makunbound fmakunbound
         set symbol-plist get remprop macro-function compiler-macro-function special-operator-p constantp macroexpand macroexpand-1 eval describe inspect
         documentation ensure-generic-function get-setf-expansion proclaim make-synonym-stream require ed disassemble ext:deliver ext:why-live)
    ((0 1) map subtypep set-pprint-dispatch compile)
    ((1) map-into %map-to coerce typep make-sequence change-class copy-symbol cerror set-macro-character upgraded-complex-part-type)
    ((2) set-dispatch-macro-character)
    ((0 (2)) reduce find-if find-if-not position-if position-if-not count-if count-if-not remove-if remove-if-not delete-if delete-if-not member-if member-if-not
             assoc-if assoc-if-not rassoc-if rassoc-if-not)
    ((1 (3)) substitute-if substitute-if-not nsubstitute-if nsubstitute-if-not subst-if subst-if-not nsubst-if nsubst-if-not)
    ((1 (2)) sort stable-sort)
    ((0 3 (4)) merge)
    (((0)) make-hash-table)
    (((1)) remove-duplicates delete-duplicates make-array make-string make-list open with-open-file)
    (((2)) find position count remove delete member assoc rassoc adjoin sublis nsublis search mismatch union nunion intersection nintersection set-difference
           nset-difference set-exclusive-or nset-exclusive-or subsetp tree-equal adjust-array)
    (((3)) substitute nsubstitute subst nsubst)
    ((:all) load compile-file trace untrace apropos))
  "Places of the arguments by which something is looked for: a number, or (n): keywords and values from there on.")

(defparameter *functions-of-no-symbols*
  '(+ - * / 1+ 1- = /= < > <= >= max min abs signum floor ceiling truncate round ffloor fceiling ftruncate fround mod rem gcd lcm exp expt log sqrt isqrt sin cos tan
    asin acos atan sinh cosh tanh numerator denominator rational rationalize float complex realpart imagpart conjugate phase cis ash logand logior logxor lognot
    integer-length logcount logbitp ldb dpb byte random parse-integer
    eq eql equal equalp not null consp listp atom symbolp keywordp numberp integerp rationalp floatp realp complexp characterp stringp vectorp arrayp functionp
    hash-table-p packagep pathnamep streamp zerop plusp minusp evenp oddp endp typep subtypep boundp fboundp constantp slot-boundp slot-exists-p every notany notevery
    subsetp tree-equal tailp
    string string-upcase string-downcase string-capitalize string-trim string-left-trim string-right-trim string= string/= string< string> string<= string>= string-equal
    string-not-equal string-lessp string-greaterp string-not-greaterp string-not-lessp symbol-name package-name format %format-plain princ-to-string prin1-to-string write-to-string
    char schar char= char/= char< char> char<= char>= char-equal char-upcase char-downcase char-code code-char char-name name-char digit-char digit-char-p alpha-char-p
    alphanumericp upper-case-p lower-case-p both-case-p graphic-char-p
    length list-length position position-if position-if-not count count-if count-if-not search mismatch sxhash fill-pointer array-dimension array-dimensions array-rank
    array-total-size hash-table-count hash-table-size type-of class-of class-name
    find-package list-all-packages symbol-package make-package gensym make-symbol
    terpri fresh-line write-char write-line write-string finish-output force-output clear-output clear-input write-byte file-position file-length file-write-date
    make-string-output-stream make-string-input-stream get-output-stream-string %make-string-output-stream make-hash-table make-string open close probe-file
    namestring pathname-name pathname-type truename merge-pathnames get-universal-time get-internal-real-time get-internal-run-time
    import export unexport shadow unintern use-package unuse-package error cerror signal warn)
  "Their values are no symbols that came in, and hold none.")

(defparameter *storing-functions*
  '(rplaca rplacd nconc nreconc nsubst nsubst-if nsubst-if-not nsublis nunion nsubstitute nsubstitute-if nsubstitute-if-not vector-push vector-push-extend fill replace
    map-into constantly make-broadcast-stream set change-class reinitialize-instance shared-initialize initialize-instance adjust-array
    %puthash %putf %put %rplaca %rplacd (setf slot-value) %setnth %setelt %row-major-set %svset %aset)
  "They put an argument into another, or keep it.")

(defparameter *functions-of-objects*
  '(cons list vector acons pairlis copy-list copy-alist copy-seq copy-tree copy-structure mapcar maplist reverse nreverse sort stable-sort merge subseq concatenate map map-into
    remove remove-if remove-if-not remove-duplicates delete delete-if delete-if-not delete-duplicates substitute substitute-if nsubstitute substitute-if-not
    make-array make-list make-sequence make-instance make-condition last butlast ldiff intersection union set-difference set-exclusive-or vector-push-extend
    make-state %make-structure %copy-structure %make-restart %coerce-to-condition %concatenate-list %concatenate-vector %list-of-sequence %make-simple-array %make-array-of %map-to
    %coerce-to-vector-type %make-string-output-stream)
  "Their values are no symbols, but may hold arguments.")

(defparameter *item-functions* '(gethash assoc rassoc member find remove delete)
  "Their first argument is looked for and not returned.")
(defparameter *second-item-functions* '(%assoc %member %find)
  "Their second argument is.")

(defparameter *inside-functions*
  '(typep subtypep coerce concatenate map make-array make-sequence merge upgraded-array-element-type upgraded-complex-part-type open make-string fdefinition fboundp fmakunbound
    eval compile macroexpand macroexpand-1 constantp proclaim documentation get-setf-expansion adjust-array macro-function compiler-macro-function)
  "They look for what is in a list: a type, a form, (SETF name).")

(defparameter *harmless-functions*
  '(%puthash %putf %make-structure %find-key %check-keys %check-arguments %adjoin %case-failure %coerce-to-vector-type %concatenate-vector %concatenate-list %instance-typep
    %make-restart %correct-value %assertion-failure %make-string-output-stream %remf %copy-structure %structure-ref %structure-set %structure-p %layout-of
    %write-plain %write-atom %hash-next %position %member %find %assoc %list-of-sequence %ask-new-value %printer-stream %make-simple-array
    %call-with-logical-block %logical-block-ends %setnth %setelt %set-fill-pointer %row-major-set %svset %aset %rplaca %rplacd %structure-type-error
    %print-unreadable %format-plain %open-file %make-array-of run-elements make-state %type-name-to-print (setf slot-value) ext:quit ext:getenv ext:make-weak-pointer ext:weak-pointer-value ext:gc)
  "Functions that are not COMMON-LISP's and look for no definition by their arguments.")

(defparameter *harmless-variables* '(*handler-clusters* *restart-clusters* *condition-restarts* *standard-output* *standard-input* *error-output* *trace-output* *query-io*)
  "Variables of the library by whose values nothing is looked for.")

(defparameter *data-keywords*
  '(:start :end :start1 :end1 :start2 :end2 :count :from-end :initial-element :initial-contents :initial-value :adjustable :fill-pointer :displaced-to
    :displaced-index-offset :size :rehash-size :rehash-threshold)
  "Keywords whose arguments are looked at as data only.")

(defun %dynamic-rules ()
  "The tables as src/prim/follow.h wants them."
  (let ((rules (make-hash-table :test 'eq)))
    (labels ((rule (name)
               (let ((cell (%function-cell name)))
                 (or (gethash cell rules) (setf (gethash cell rules) (vector cell 0 0 -1)))))
             (flag (flag names) (dolist (name names) (let ((rule (rule name))) (setf (svref rule 1) (logior flag (svref rule 1)))))))
      (flag 1 *functions-of-no-symbols*)
      (flag 2 *harmless-variables*)
      (flag 4 *storing-functions*)
      (flag 8 (mapcar #'car (remove-if-not (lambda (entry) (member (third entry) '(:symbol :reader))) *dynamic-functions*)))
      (flag 16 *data-keywords*)
      (flag 32 *harmless-functions*)
      (flag 64 *inside-functions*)
      (flag 128 *functions-of-objects*)
      (flag 256 '(error member))
      (flag 512 *item-functions*)
      (flag 1024 *second-item-functions*)
      (dolist (entry *name-users*)
        (dolist (name (cdr entry))
          (let ((rule (rule name)))
            (dolist (place (car entry))
              (cond ((consp place) (setf (svref rule 3) (car place)))
                    ((eq place :all) (setf (svref rule 3) 0 (svref rule 2) -1))
                    (t (setf (svref rule 2) (logior (svref rule 2) (ash 1 place))))))))))
    (let ((all '())) (maphash (lambda (symbol rule) (declare (ignore symbol)) (push rule all)) rules) all)))
