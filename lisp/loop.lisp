;;; loop.lisp: LOOP, simple and extended (CLHS 6.1).
;;;
;;; The clauses are read from left to right into the variables below; then one form is built of them:
;;;
;;;     (block NAME
;;;       (let* WITH, FOR and accumulation variables, group by group, in the order of the clauses
;;;         (tagbody  INITIALLY  FIRST
;;;          next     BODY  NEXT  (go next)
;;;          end      FINALLY (return-from NAME RESULT))))
;;;
;;; An iteration clause gives statements for the first turn and for the others: end tests and assignments, in order.  If no
;;; clause tells the two apart they are written once, behind `next'.  Clauses joined by AND compute all values before they assign any.

(in-package "SYS")

(defvar *loop-rest*)        ; the source that is left
(defvar *loop-source*)      ; all of it, for messages
(defvar *loop-name*)        ; of the block
(defvar *loop-wrappers*)    ; functions from form to form, innermost first: variables and iterators
(defvar *loop-variables*)   ; names bound so far
(defvar *loop-initially*)
(defvar *loop-first*)       ; this and the following are reversed lists of statements
(defvar *loop-next*)
(defvar *loop-body*)
(defvar *loop-finally*)
(defvar *loop-accumulators*) ; (name kind tail-or-flag) of each accumulation
(defvar *loop-result*)       ; a list of the default result's form, or NIL
(defvar *loop-body-begun*)

(defun loop-fail (control &rest arguments)
  (%leaf-error 'program-error :format-control (concatenate 'string "LOOP: " control " in ~S")
                              :format-arguments (append arguments (list *loop-source*))))

;;; Words of the source

(defun loop-word (x)
  "The keyword with the name of the symbol X, NIL if X is no symbol or there is none."
  (and x (symbolp x) (values (find-symbol (symbol-name x) "KEYWORD"))))

(defun loop-peek () (loop-word (car *loop-rest*)))

(defun loop-pop ()
  (when (atom *loop-rest*) (loop-fail "the end came too early"))
  (pop *loop-rest*))

(defun loop-accept (&rest words)
  "Takes the next word if it is one of WORDS, and returns it."
  (let ((word (loop-peek)))
    (when (and word (member word words))
      (pop *loop-rest*)
      word)))

(defun loop-compound-forms ()
  (let ((forms '()))
    (do () ((atom (car *loop-rest*)))
      (push (pop *loop-rest*) forms))
    (unless forms (loop-fail "a compound form is missing before ~S" (car *loop-rest*)))
    (nreverse forms)))

;;; Variables

(defun loop-type ()
  "An optional type specifier after a variable: a simple one, or OF-TYPE and any."
  (cond ((loop-accept :of-type) (loop-pop))
        ((and (symbolp (car *loop-rest*)) (member (car *loop-rest*) '(fixnum float t nil)) *loop-rest*)
         (pop *loop-rest*))
        (t t)))

(defun loop-type-tree-p (pattern type)
  "Is the cons TYPE a tree of types for the parts of PATTERN, not one compound type for all variables?"
  (not (and (symbolp (car type)) (listp (cdr type)) (not (consp (car pattern)))
            (member (car type) '(integer unsigned-byte signed-byte mod or and not float single-float double-float short-float long-float real
                                 rational member eql satisfies vector simple-vector simple-array array string cons function values)))))

(defun loop-pattern-pairs (pattern type &optional inside)
  "List of (variable . type) of a destructuring pattern; TYPE may be a tree of types, and surely is one INSIDE of one."
  (cond ((null pattern) '())
        ((symbolp pattern) (list (cons pattern (if (and (consp type) (not (symbolp (car type)))) t type))))
        ((atom pattern) (loop-fail "~S is no variable" pattern))
        ((and (consp type) (or inside (loop-type-tree-p pattern type)))
         (append (loop-pattern-pairs (car pattern) (car type))
                 (loop-pattern-pairs (cdr pattern) (cdr type) t)))
        (t (append (loop-pattern-pairs (car pattern) type)
                   (loop-pattern-pairs (cdr pattern) type)))))

(defun loop-zero (type)
  (cond ((member type '(fixnum integer bit unsigned-byte signed-byte number real rational)) 0)
        ((member type '(float single-float short-float)) 0.0)
        ((member type '(double-float long-float)) 0d0)
        ((and (consp type) (member (car type) '(integer unsigned-byte signed-byte mod))
              (typep 0 type))
         0)
        (t nil)))

(defun loop-declarations (pairs)
  "Declarations for those variables whose initial value is of their type."
  (let ((declared (remove-if-not #'loop-zero pairs :key #'cdr)))
    (and declared `((declare ,@(mapcar (lambda (pair) `(type ,(cdr pair) ,(car pair))) declared))))))

(defun loop-note-variable (name)
  (when (member name *loop-variables*) (loop-fail "the variable ~S is bound twice" name))
  (push name *loop-variables*))

(defun loop-wrap (function) (push function *loop-wrappers*))

(defun loop-bind (bindings &optional declarations (operator 'let))
  (when bindings
    (loop-wrap (lambda (form) `(,operator ,bindings ,@declarations ,form)))))

(defun loop-bind-pattern (pattern type)
  "Binds the variables of a pattern to what stands for no value yet."
  (let ((pairs (loop-pattern-pairs pattern type)))
    (dolist (pair pairs) (loop-note-variable (car pair)))
    (loop-bind (mapcar (lambda (pair) (list (car pair) (loop-zero (cdr pair)))) pairs)
               (loop-declarations pairs))))

(defun loop-temporary (name form)
  "A form that has FORM's value all along: FORM itself if it is constant, else a new variable bound to it."
  (if (constantp form)
      form
      (let ((variable (gensym name)))
        (loop-bind `((,variable ,form)))
        variable)))

(defun loop-assign (pattern form)
  "Statements that destructure FORM's value into the variables of PATTERN."
  (cond ((null pattern) (if (consp form) (list form) '()))
        ((atom pattern) `((setq ,pattern ,form)))
        (t (let ((value (gensym "VALUE")))
             `((let ((,value ,form))
                 ,@(loop-assign-parts pattern value)))))))

(defun loop-assign-parts (pattern value)
  (append (cond ((null (car pattern)) '())
                ((atom (car pattern)) `((setq ,(car pattern) (car ,value))))
                (t (loop-assign (car pattern) `(car ,value))))
          (cond ((null (cdr pattern)) '())
                ((atom (cdr pattern)) `((setq ,(cdr pattern) (cdr ,value))))
                (t `((setq ,value (cdr ,value))
                     ,@(loop-assign-parts (cdr pattern) value))))))

(defun loop-end-when (test) `(when ,test (go %loop-end)))

;;; WITH

(defun loop-with ()
  (let ((bindings '()) (declarations '()) (parts '()))
    (do ((again t (loop-accept :and))) ((not again))
      (let* ((pattern (loop-pop)) (type (loop-type)) (given (loop-accept :=))
             (form (if given (loop-pop) nil)) (pairs (loop-pattern-pairs pattern type)))
        (dolist (pair pairs) (loop-note-variable (car pair)))
        (cond ((and pattern (symbolp pattern))
               (push (list pattern (if given form (loop-zero type))) bindings)
               (when (and (not (eq type t)) (or given (loop-zero type)))
                 (push `(declare (type ,type ,pattern)) declarations)))
              (given
               (let ((value (gensym "VALUE")))
                 (push (list value form) bindings)
                 (push (list pattern value pairs) parts)))
              (t (dolist (pair pairs) (push (list (car pair) (loop-zero (cdr pair))) bindings))))))
    (loop-bind (nreverse bindings) declarations)
    (dolist (part (nreverse parts))
      (destructuring-bind (pattern value pairs) part
        (loop-bind (mapcar (lambda (pair) (list (car pair) (loop-zero (cdr pair)))) pairs))
        (loop-wrap (if pattern
                       (lambda (form) `(progn ,@(loop-assign pattern value) ,form))
                       (lambda (form) `(progn ,value ,form))))))))

;;; FOR and AS: each clause returns FIRST and NEXT, lists of steps: (:test form), (:set pattern form), or (:step variable form) for a variable
;;; that only the clause itself knows.

(defun loop-for ()
  (let ((clauses (list (loop-for-clause))))
    (do () ((not (loop-accept :and)))
      (loop-accept :for :as)
      (push (loop-for-clause) clauses))
    (setq clauses (nreverse clauses))
    (let ((parallel (cdr clauses)))
      (loop-add-steps (mapcar #'first clauses) (mapcar #'second clauses) parallel))))

(defun loop-add-steps (firsts nexts parallel)
  (setq *loop-first* (revappend (if parallel (loop-parallel firsts) (loop-sequential (car firsts))) *loop-first*)
        *loop-next* (revappend (if parallel (loop-parallel nexts) (loop-sequential (car nexts))) *loop-next*)))

(defun loop-sequential (steps)
  (mapcan (lambda (step)
            (if (eq (car step) :test)
                (list (loop-end-when (second step)))
                (loop-assign (second step) (third step))))
          steps))

(defun loop-parallel (step-lists)
  "Clauses joined by AND: tests, and values into new variables; then the assignments.  A test looks at the new value of its own variable."
  (let ((statements '()) (assignments '()))
    (dolist (steps step-lists)
      (let ((news '()))
        (dolist (step steps)
          (destructuring-bind (kind place &optional form) step
            (ecase kind
              (:test (push (loop-end-when (sublis news place)) statements))
              (:step (push `(setq ,place ,form) statements))
              (:set (let ((new (gensym "NEW")))
                      (loop-bind (list new))
                      (push `(setq ,new ,form) statements)
                      (when (symbolp place) (push (cons place new) news))
                      (setq assignments (append assignments (loop-assign place new))))))))))
    (append (nreverse statements) assignments)))

(defun loop-for-clause ()
  (let* ((pattern (loop-pop)) (type (loop-type)) (word (loop-peek)))
    (case word
      ((:from :upfrom :downfrom :to :upto :downto :below :above :by) (loop-for-arithmetic pattern type))
      (:= (loop-pop) (loop-for-equals pattern type))
      ((:in :on) (loop-pop) (loop-for-list pattern type word))
      (:across (loop-pop) (loop-for-across pattern type))
      (:being (loop-pop) (loop-for-being pattern type))
      (t (loop-fail "~S cannot follow FOR ~S" (car *loop-rest*) pattern)))))

(defun loop-for-arithmetic (variable type)
  (unless (symbolp variable) (loop-fail "~S cannot count" variable))
  (let ((start 0) (start-p nil) (limit nil) (limit-p nil) (step 1) (step-p nil) (direction nil) (exclusive nil))
    (flet ((turn (new)
             (when (and direction (not (eq direction new))) (loop-fail "FOR ~S goes up and down" variable))
             (setq direction new)))
      (do ((word (loop-peek) (loop-peek))) (nil)
        (case word
          ((:from :upfrom :downfrom)
           (when start-p (loop-fail "FOR ~S starts twice" variable))
           (loop-pop)
           (setq start (loop-temporary "START" (loop-pop)) start-p t)
           (case word (:upfrom (turn :up)) (:downfrom (turn :down))))
          ((:to :upto :downto :below :above)
           (when limit-p (loop-fail "FOR ~S ends twice" variable))
           (loop-pop)
           (setq limit (loop-temporary "LIMIT" (loop-pop)) limit-p t exclusive (member word '(:below :above)))
           (case word ((:upto :below) (turn :up)) ((:downto :above) (turn :down))))
          (:by (when step-p (loop-fail "FOR ~S has two steps" variable))
           (loop-pop)
           (setq step (loop-temporary "STEP" (loop-pop)) step-p t))
          (t (return)))))
    (when (and (eq direction :down) (not start-p)) (loop-fail "FOR ~S goes down from nowhere" variable))
    (let* ((variable (or variable (gensym "COUNT"))) (down (eq direction :down))
           (test (and limit-p `((:test (,(if down (if exclusive '<= '<) (if exclusive '>= '>)) ,variable ,limit)))))
           (step-form (if (eql step 1) (list (if down '1- '1+) variable) (list (if down '- '+) variable step))))
      (loop-note-variable variable)
      (loop-bind `((,variable ,start)) (and (not (eq type t)) (loop-zero type) `((declare (type ,(if (eq type 'fixnum) 'integer type) ,variable)))))
      (list test
            `((:set ,variable ,step-form) ,@test)))))

(defun loop-for-equals (pattern type)
  (let ((form (loop-pop)))
    (loop-bind-pattern pattern type)
    (if (loop-accept :then)
        (list `((:set ,pattern ,form)) `((:set ,pattern ,(loop-pop))))
        (list `((:set ,pattern ,form)) `((:set ,pattern ,form))))))

(defun loop-step-function (tail)
  (if (loop-accept :by)
      (let ((form (loop-pop)))
        (if (and (consp form) (member (car form) '(function quote)) (symbolp (second form)))
            `(,(second form) ,tail)
            `(funcall ,(loop-temporary "BY" form) ,tail)))
      `(cdr ,tail)))

(defun loop-for-list (pattern type word)
  (let ((tail (gensym "TAIL")) (form (loop-pop)))
    (if (and (eq word :on) (symbolp pattern) pattern)
        (progn
          (loop-note-variable pattern)
          (loop-bind `((,pattern ,form)))
          (let ((step (loop-step-function pattern)))
            (list `((:test (atom ,pattern)))
                  `((:set ,pattern ,step) (:test (atom ,pattern))))))
        (progn
          (loop-bind `((,tail ,form)))
          (loop-bind-pattern pattern type)
          (let ((step (loop-step-function tail)) (value (if (eq word :in) `(car ,tail) tail))
                (test `(:test (,(if (eq word :in) 'endp 'atom) ,tail))))
            (if (eq word :in)
                (let ((steps `(,test (:set ,pattern ,value) (:step ,tail ,step))))
                  (list steps steps))
                (list `(,test (:set ,pattern ,value))
                      `((:step ,tail ,step) ,test (:set ,pattern ,value)))))))))

(defun loop-for-across (pattern type)
  (let ((vector (gensym "VECTOR")) (index (gensym "INDEX")) (length (gensym "LENGTH")))
    (loop-bind `((,vector ,(loop-pop))))
    (loop-bind `((,index 0) (,length (length ,vector))))
    (loop-bind-pattern pattern type)
    (let ((steps `((:test (>= ,index ,length)) (:set ,pattern (aref ,vector ,index)) (:step ,index (1+ ,index)))))
      (list steps steps))))

(defun loop-for-being (pattern type)
  (unless (loop-accept :the :each) (loop-fail "THE or EACH must follow BEING"))
  (let ((word (loop-peek)))
    (loop-pop)
    (case word
      ((:hash-key :hash-keys) (loop-for-hash pattern type nil))
      ((:hash-value :hash-values) (loop-for-hash pattern type t))
      ((:symbol :symbols) (loop-for-symbols pattern type '(:internal :external :inherited)))
      ((:present-symbol :present-symbols) (loop-for-symbols pattern type '(:internal :external)))
      ((:external-symbol :external-symbols) (loop-for-symbols pattern type '(:external)))
      (t (loop-fail "~S is nothing to iterate over" word)))))

(defun loop-using (word)
  "The other variable of USING (HASH-KEY v) or USING (HASH-VALUE v), or NIL."
  (when (loop-accept :using)
    (let ((using (loop-pop)))
      (unless (and (consp using) (eq (loop-word (car using)) word)) (loop-fail "bad USING ~S" using))
      (second using))))

(defun loop-for-hash (pattern type values-p)
  (unless (loop-accept :in :of) (loop-fail "IN or OF is missing"))
  (let* ((table (loop-pop)) (other (loop-using (if values-p :hash-key :hash-value)))
         (next (gensym "NEXT")) (more (gensym "MORE")) (key (gensym "KEY")) (value (gensym "VALUE")))
    (loop-wrap (let ((table (loop-temporary "TABLE" table)))
                 (lambda (form) `(with-hash-table-iterator (,next ,table) ,form))))
    (loop-bind `(,more ,key ,value))
    (loop-bind-pattern pattern type)
    (when other (loop-bind-pattern other t))
    (let ((steps `((:test (not (progn (multiple-value-setq (,more ,key ,value) (,next)) ,more)))
                   (:set ,pattern ,(if values-p value key))
                   ,@(and other `((:set ,other ,(if values-p key value)))))))
      (list steps steps))))

(defun loop-for-symbols (pattern type kinds)
  (let ((package (if (loop-accept :in :of) (loop-pop) '*package*))
        (next (gensym "NEXT")) (more (gensym "MORE")) (symbol (gensym "SYMBOL")))
    (loop-wrap (let ((package (loop-temporary "PACKAGE" package)))
                 (lambda (form) `(with-package-iterator (,next ,package ,@kinds) ,form))))
    (loop-bind `(,more ,symbol))
    (loop-bind-pattern pattern type)
    (let ((steps `((:test (not (progn (multiple-value-setq (,more ,symbol) (,next)) ,more))) (:set ,pattern ,symbol))))
      (list steps steps))))

(defun loop-repeat ()
  (let ((count (gensym "REPEAT")))
    (loop-bind `((,count ,(loop-pop))))
    (push (loop-end-when `(<= ,count 0)) *loop-first*)
    (push `(setq ,count (1- ,count)) *loop-next*)
    (push (loop-end-when `(<= ,count 0)) *loop-next*)))

;;; Accumulation: LIST clauses share a head and a tail, SUM and COUNT a number, MAXIMIZE and MINIMIZE a value.

(defun loop-accumulator (name class type)
  "The accumulator (variable class tail) of that name (NIL: the anonymous one), made when it is first met."
  (let ((known (find name *loop-accumulators* :key #'fourth)))
    (cond ((null known)
           (let ((variable (or name (gensym "RESULT"))) (tail (and (eq class :list) (gensym "TAIL"))))
             (when name (loop-note-variable name))
             (setq known (list variable class tail name))
             (push known *loop-accumulators*)
             (loop-bind (case class
                          (:list `((,variable nil) (,tail nil)))
                          (:number `((,variable ,(or (loop-zero type) 0))))
                          (t `((,variable nil)))))
             (unless name (loop-default-result variable))))
          ((not (eq (second known) class))
           (loop-fail "accumulations of different kinds go into ~S" (or name "the result"))))
    known))

(defun loop-default-result (form)
  (when (and *loop-result* (not (equal *loop-result* (list form))))
    (loop-fail "there is more than one default result"))
  (setq *loop-result* (list form)))

(defun loop-accumulate (word it)
  "The statement of an accumulation clause."
  (let* ((form (loop-form it)) (name (and (loop-accept :into) (loop-pop)))
         (type (if (member word '(:sum :summing :count :counting :maximize :maximizing :minimize :minimizing)) (loop-type) t)))
    (when (and name (not (symbolp name))) (loop-fail "INTO ~S" name))
    (case word
      ((:collect :collecting) (loop-collect (loop-accumulator name :list t) `(list ,form)))
      ((:append :appending) (loop-join (loop-accumulator name :list t) `(copy-list ,form)))
      ((:nconc :nconcing) (loop-join (loop-accumulator name :list t) form))
      ((:sum :summing)
       (let ((variable (first (loop-accumulator name :number type)))) `(setq ,variable (+ ,variable ,form))))
      ((:count :counting)
       (let ((variable (first (loop-accumulator name :number type)))) `(when ,form (setq ,variable (1+ ,variable)))))
      (t (let ((variable (first (loop-accumulator name :extreme type))) (value (gensym "VALUE")))
           `(let ((,value ,form))
              (when (or (null ,variable) (,(if (member word '(:maximize :maximizing)) '> '<) ,value ,variable))
                (setq ,variable ,value))))))))

(defun loop-collect (accumulator cell)
  (destructuring-bind (head class tail name) accumulator
    (declare (ignore class name))
    `(if ,tail
         (rplacd ,tail (setq ,tail ,cell))
         (setq ,head (setq ,tail ,cell)))))

(defun loop-join (accumulator list)
  (destructuring-bind (head class tail name) accumulator
    (declare (ignore class name))
    (let ((new (gensym "LIST")))
      `(let ((,new ,list))
         (if ,tail
             (rplacd (setq ,tail (last ,tail)) ,new)
             (setq ,head ,new))
         (when (consp ,new) (setq ,tail (last ,new)))))))

;;; Clauses of the body

(defun loop-form (it)
  "The next form; the word IT stands for the value of the condition's test."
  (if (and (eq (loop-peek) :it) it)
      (progn (loop-pop)
             (setf (car it) (or (car it) (gensym "IT"))))
      (loop-pop)))

(defun loop-body-clause (word it)
  "The statement of a clause that may stand in a conditional, or NIL."
  (case word
    ((:collect :collecting :append :appending :nconc :nconcing :sum :summing :count :counting
      :maximize :maximizing :minimize :minimizing)
     (loop-pop)
     (loop-accumulate word it))
    ((:do :doing) (loop-pop) `(progn ,@(loop-compound-forms)))
    (:return (loop-pop) `(return-from ,*loop-name* ,(loop-form it)))
    ((:if :when :unless) (loop-pop) (loop-conditional word))
    (t nil)))

(defun loop-conditional (word)
  (let* ((test (loop-pop)) (it (list nil)) (then (loop-clause-group it)) (else '()))
    (when (loop-accept :else) (setq else (loop-clause-group it)))
    (loop-accept :end)
    (when (eq word :unless) (rotatef then else))
    (if (car it)
        `(let ((,(car it) ,test)) (if ,(car it) (progn ,@then) (progn ,@else)))
        `(if ,test (progn ,@then) (progn ,@else)))))

(defun loop-clause-group (it)
  (let ((statements '()) (first it))
    (do ((again t (loop-accept :and))) ((not again))
      (push (or (loop-body-clause (loop-peek) first)
                (loop-fail "~S cannot stand in a conditional" (car *loop-rest*)))
            statements)
      (setq first nil))
    (nreverse statements)))

(defun loop-clause ()
  (let ((word (loop-peek)))
    (case word
      ((:for :as) (loop-pop) (loop-for))
      (:with (loop-pop) (loop-with))
      (:repeat (loop-pop) (loop-repeat))
      (:initially (loop-pop) (setq *loop-initially* (revappend (loop-compound-forms) *loop-initially*)))
      (:finally (loop-pop) (setq *loop-finally* (revappend (loop-compound-forms) *loop-finally*)))
      ((:while :until)
       (loop-pop)
       (push (loop-end-when (if (eq word :while) `(not ,(loop-pop)) (loop-pop))) *loop-body*))
      (:always (loop-pop) (loop-default-result t) (push `(unless ,(loop-pop) (return-from ,*loop-name* nil)) *loop-body*))
      (:never (loop-pop) (loop-default-result t) (push `(when ,(loop-pop) (return-from ,*loop-name* nil)) *loop-body*))
      (:thereis
       (loop-pop)
       (loop-default-result nil)
       (let ((value (gensym "VALUE")))
         (push `(let ((,value ,(loop-pop))) (when ,value (return-from ,*loop-name* ,value))) *loop-body*)))
      (t (push (or (loop-body-clause word nil) (loop-fail "~S is no clause" (car *loop-rest*))) *loop-body*)))))

;;; The whole

(defun loop-tagbody ()
  (let* ((first (reverse *loop-first*)) (next (reverse *loop-next*)) (same (equal first next)))
    `(tagbody
        ,@(reverse *loop-initially*)
        ,@(if same '() first)
      %loop-next
        ,@(if same first '())
        ,@(remove-if #'atom (reverse *loop-body*))
        ,@(if same '() next)
        (go %loop-next)
      %loop-end
        ,@(remove-if #'atom (reverse *loop-finally*))
        ,@(and (car *loop-result*) `((return-from ,*loop-name* ,(car *loop-result*)))))))

(defun loop-expand (source)
  (let* ((*loop-source* (cons 'loop source)) (*loop-rest* source) (*loop-name* nil)
         (*loop-wrappers* '()) (*loop-variables* '()) (*loop-initially* '()) (*loop-first* '()) (*loop-next* '())
         (*loop-body* '()) (*loop-finally* '()) (*loop-accumulators* '()) (*loop-result* '()))
    (when (loop-accept :named)
      (setq *loop-name* (loop-pop))
      (unless (symbolp *loop-name*) (loop-fail "~S cannot name a block" *loop-name*)))
    (do () ((null *loop-rest*)) (loop-clause))
    (let ((form `(macrolet ((loop-finish () '(go %loop-end))) ,(loop-tagbody))))
      (dolist (wrapper *loop-wrappers*) (setq form (funcall wrapper form)))
      `(block ,*loop-name* ,form))))

(defmacro loop (&rest source)
  (if (every #'consp source)
      (let ((again (gensym "AGAIN")))
        `(block nil (tagbody ,again ,@source (go ,again))))
      (loop-expand source)))

(defmacro loop-finish ()
  (%leaf-error 'program-error :format-control "LOOP-FINISH stands outside of LOOP." :format-arguments '()))
