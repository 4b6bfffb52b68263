;;; overlays.lisp: package OVERLAYS: what the manual of the older system lets a program ask of functions, swapped or not.
;;;
;;; Interlisp-10 promised that ARGLIST, FNTYP, NARGS, GETD, PUTD, ARGTYPE, ARRAYSIZE, CHANGENAME, CALLS, BREAK, ADVISE and EDITA work equally well with
;;; swappable as with resident programs.  Here they are, on top of the same leaves that DISASSEMBLE uses; advice and UNDO are in advice.lisp.
;;;
;;; The names are ordinary words, so they are in a package of their own, which a program uses if it wants them: nothing of CL-USER's changes
;;; meaning.  BREAK of a function is BREAK-FUNCTION, so that CL:BREAK stays what it is.
;;;
;;; A function that is advised, traced or broken is looked at as it was defined.

(in-package "SYS")

(defpackage "OVERLAYS" (:use)
  (:export "ARGLIST" "FNTYP" "NARGS" "GETD" "PUTD" "ARGTYPE" "ARRAYSIZE" "CHANGENAME" "CALLS" "EDITA"
           "ADVISE" "UNADVISE" "BREAK-FUNCTION" "UNBREAK-FUNCTION" "UNDO" "!VALUE" "ORIGINAL"))

;;; -- In delivered programs --

(setq *dynamic-functions*
      (append *dynamic-functions*
              (mapcar (lambda (name) (list name (symbol-name name) :option '(:keep-debug-mode :keep-macros :keep-lisp-reader)))
                      '(overlays:arglist overlays:nargs overlays:fntyp overlays:argtype overlays:calls overlays:edita overlays:changename))
              '((ext:swap-statistics "SWAP-STATISTICS" :option (:symbol-names-action)))
              (mapcar (lambda (name) (list name (symbol-name name) :evaluator)) '(overlays:advise overlays:break-function))))

;;; -- Definitions --

(defun overlays:getd (name)
  "The function or macro function that NAME names, or NIL: FDEFINITION without the error.  What is advised or traced is given as it is called."
  (if (and (or (symbolp name) (consp name)) (fboundp name) (not (and (symbolp name) (special-operator-p name) (not (macro-function name)))))
      (fdefinition name)))

(defun overlays:putd (name definition)
  "Makes DEFINITION the global function NAME; NIL makes NAME undefined.  Returns DEFINITION.  It is (SETF FDEFINITION), and can be undone."
  (let ((old (overlays:getd name)) (macro (and (symbolp name) (macro-function name))))
    (if definition (setf (fdefinition name) definition) (fmakunbound name))
    (%note-undo (list 'overlays:putd name)
                (lambda ()
                  (cond ((null old) (fmakunbound name))
                        (macro (setf (macro-function name) macro))
                        (t (setf (fdefinition name) old)))))
    definition))

(defun %inspected-function (x)
  "The function that X is or names, without what ADVISE and TRACE have put around it; NIL for what is no function."
  (cond ((functionp x) x)
        ((not (overlays:getd x)) nil)
        (t (let ((function (overlays:getd x)) (cell (%function-cell x)))
             (loop
               (cond ((%info cell '%advice) (if (eq function (advice-wrapper (%info cell '%advice)))
                                                (setq function (advice-original (%info cell '%advice)))
                                                (return function)))
                     (t (return (if (eq function (%info cell '%tracer)) (%info cell '%traced) function)))))))))

;;; -- Arguments --

(defun overlays:arglist (function)
  "The lambda list of a function, of a macro or of what a symbol names.  Second value NIL if it is no function."
  (let ((function (%inspected-function function)))
    (cond ((null function) (values nil nil))
          ((%generic-function-p function) (values (generic-field function lambda-list) t))
          ((%function-debug function) (values (svref (%function-debug function) 1) t))
          (t (values (%builtin-arglist function) t)))))

(defun %builtin-arglist (function)
  (let ((text (nth-value 1 (%builtin-info function))) (*package* (find-package "SYS")))
    (if (and (plusp (length text)) (char= (char text 0) #\())
        (values (read-from-string text))
        (values (read-from-string (concatenate 'string "(" text ")"))))))

(defun %argument-counts (lambda-list)
  "The least and the greatest number of arguments; NIL if there is no greatest."
  (let ((least 0) (most 0) (state :required))
    (dolist (item lambda-list (values least most))
      (case item
        (&optional (setq state :optional))
        ((&rest &key &body) (return (values least nil)))
        ((&aux &environment &whole &allow-other-keys) (setq state :other))
        (t (case state
             (:required (incf least) (incf most))
             (:optional (incf most))
             (t (setq state :required))))))))

(defun overlays:nargs (function)
  "How many arguments the function takes: the least number and the greatest, which is NIL if there is none.  NIL for what is no function."
  (multiple-value-bind (lambda-list known) (overlays:arglist function)
    (if known (%argument-counts lambda-list) nil)))

(defun %macro-name-p (x) (and (symbolp x) (or (macro-function x) (special-operator-p x)) t))

(defun %spread-p (function)
  "Does the function take a fixed number of arguments?"
  (multiple-value-bind (least most) (overlays:nargs function) (eql least most)))

(defun overlays:fntyp (x)
  "What kind of function X is or names, a symbol: CEXPR for compiled functions, SUBR for those in C; with * if the number of arguments
varies; CFEXPR and FSUBR for macros and special operators, whose arguments are not evaluated.  NIL for what is no function."
  (let ((function (%inspected-function x)))
    (cond ((and (symbolp x) (special-operator-p x)) 'overlays::fsubr)
          ((null function) nil)
          ((%macro-name-p x) 'overlays::cfexpr)
          ((and (not (%generic-function-p function)) (%builtin-info function)) (if (%spread-p x) 'overlays::subr 'overlays::subr*))
          (t (if (%spread-p x) 'overlays::cexpr 'overlays::cexpr*)))))

(defun overlays:argtype (x)
  "How X takes its arguments: 0 evaluated, a fixed number; 1 a macro's or special operator's; 2 evaluated, any number.  NIL for what is no function."
  (let ((type (overlays:fntyp x)))
    (case type
      ((nil) nil)
      ((overlays::fsubr overlays::cfexpr) 1)
      ((overlays::cexpr overlays::subr) 0)
      (t 2))))

;;; -- Code --

(defun overlays:arraysize (x)
  "How many elements an array has, entries a hash table has room for, or words the code of a function is."
  (cond ((arrayp x) (array-total-size x))
        ((hash-table-p x) (hash-table-size x))
        (t (let ((function (%inspected-function x)))
             (if function
                 (length (the list (%disassemble function)))
                 (error 'type-error :datum x :expected-type '(or array hash-table function)))))))

(defun %words (line)
  "The words of a line of %DISASSEMBLE."
  (let ((words '()) (start 0))
    (loop
      (let ((end (position #\Space line :start start)))
        (push (subseq line start end) words)
        (if end (setq start (1+ end)) (return (nreverse words)))))))

(defun %operand-constant (words constants)
  "The constant that an instruction refers to."
  (dolist (word (cdr words))
    (if (and (> (length word) 1) (char= (char word 0) #\K) (digit-char-p (char word 1)))
        (return (svref constants (parse-integer word :start 1))))))

(defun %cell-name (cell) (or (%info cell 'setf nil) cell))

(defun %collect-references (function called used bound)
  "Adds to the three lists what the code of the function and of those nested in it refers to."
  (multiple-value-bind (lines constants) (%disassemble function)
    (dolist (line lines)
      (let* ((words (%words line)) (operation (first words)))
        (cond ((member operation '("CALL" "TAIL_CALL" "FUNCTION_REF") :test #'string=)
               (pushnew (%cell-name (%operand-constant words constants)) called :test #'equal))
              ((member operation '("SYMBOL_REF" "SYMBOL_SET") :test #'string=)
               (pushnew (%operand-constant words constants) used))
              ((string= operation "BIND") (pushnew (%operand-constant words constants) bound)))))
    (dolist (nested (%function-templates function))
      (multiple-value-setq (called used bound) (%collect-references nested called used bound)))
    (values called used bound)))

(defun overlays:calls (x)
  "What the code of the function X refers to, three lists: functions that it calls, special variables that it uses, special variables that
it binds.  What the compiler has made an instruction (CAR, +) or put in line is not called any more."
  (let ((function (or (%inspected-function x) (error 'undefined-function :name x))))
    (multiple-value-bind (called used bound) (%collect-references function '() '() '())
      (values (nreverse called) (nreverse used) (nreverse bound)))))

(defun %change-constants (function from to)
  "Puts TO in the places of the constants that are FROM; the number of changes."
  (let ((count (%change-function-constants function from to)))
    (dolist (nested (%function-templates function) count)
      (incf count (%change-constants nested from to)))))

(defun overlays:changename (x from to)
  "Makes the code of the function X refer to TO wherever it refers to FROM: call the function TO, use the variable TO, or the constant.  Returns X,
or NIL if nothing was to be changed.  What the compiler made an instruction cannot be changed.  It can be undone."
  (let ((function (or (%inspected-function x) (error 'undefined-function :name x)))
        (pairs (list (cons from to))))
    (if (and (fboundp* from) (fboundp* to)) (pushnew (cons (%function-cell from) (%function-cell to)) pairs :test #'equal))
    (flet ((change ()
             (let ((changes 0))
               (dolist (pair pairs (plusp changes)) (incf changes (%change-constants function (car pair) (cdr pair))))))
           (change-back () (dolist (pair pairs) (%change-constants function (cdr pair) (car pair)))))
      (when (change)
        (unless (%sound-p function)
          (change-back)
          (error "~S cannot be where the code of ~S has ~S." to x from))
        (%note-undo (list 'overlays:changename x from to) #'change-back)
        x))))

(defun %sound-p (function)
  (and (null (%verify-function function)) (every #'%sound-template-p (%function-templates function))))
(defun %sound-template-p (function)
  (and (null (%verify-function function t)) (every #'%sound-template-p (%function-templates function))))

(defun fboundp* (x) (and (or (symbolp x) (and (consp x) (eq (car x) 'setf))) (fboundp x)))

;;; -- EDITA --

(defun %edit-object (x)
  (cond ((or (arrayp x) (hash-table-p x)) x)
        ((%inspected-function x))
        (t (error 'type-error :datum x :expected-type '(or array hash-table function)))))

(defun %edit-cell (object i)
  "What is in cell I: an element, or an instruction as a string."
  (cond ((arrayp object) (row-major-aref object i))
        ((functionp object) (elt (%disassemble object) i))
        (t (elt (loop for key being the hash-keys of object using (hash-value value) collect (cons key value)) i))))

(defun %edit-literals (object)
  "The constants of a function's code, without the debug information."
  (if (functionp object)
      (let ((constants (nth-value 1 (%disassemble object)))) (if constants (coerce (subseq constants 1) 'list) '()))
      '()))

(defun %edit-set (object i value)
  (if (arrayp object)
      (setf (row-major-aref object i) value)
      (error "Cells of ~S cannot be changed; CHANGENAME changes the literals of a function." object)))

(defun %edit-command (object command)
  "Does one command of EDITA; its value."
  (cond ((integerp command) (%edit-cell object command))
        ((eq command :size) (overlays:arraysize object))
        ((eq command :literals) (%edit-literals object))
        ((and (consp command) (eq (car command) :list))
         (loop for i from (second command) to (or (third command) (1- (overlays:arraysize object))) collect (%edit-cell object i)))
        ((and (consp command) (integerp (car command)) (consp (cdr command)))
         (%edit-set object (first command) (second command)))
        (t (error "~S is no command of EDITA: an index, (index value), (:LIST from to), :SIZE, :LITERALS or :OK." command))))

(defun overlays:edita (x &rest commands)
  "Looks into an array, a hash table or the code of a function, and changes elements of arrays.  COMMANDS: an index shows a cell; (index value)
changes it; (:LIST from to) shows some; :SIZE; :LITERALS, of a function.  Returns the value of the last command.  Without commands they are read from *QUERY-IO*, and
the values printed, until :OK or the end of the input; then it returns X."
  (let ((object (%edit-object x)) (value nil))
    (if commands
        (dolist (command commands value) (setq value (%edit-command object command)))
        (loop
          (format *query-io* "~&EDITA: ")
          (finish-output *query-io*)
          (let ((command (read *query-io* nil :ok)))
            (if (eq command :ok) (return x))
            (handler-case (format *query-io* "~S~%" (%edit-command object command))
              (error (condition) (format *query-io* "~A~%" condition))))))))
