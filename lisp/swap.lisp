;;; swap.lisp: swapped arrays: code and data that live in a file and are fetched when they are used.
;;;
;;; Names and meaning are those of the Interlisp-10 swapper (Interlisp reference manual, "The Interlisp-10 swapper").  The mechanism is in src/swap; the
;;; bytecode loop calls %SWAP-FAULT, %CALL-UNFETCHED and %RETURN-UNFETCHED in the place of what cannot go on for want of an array.  They and what they need at
;;; once are never swapped (*NEVER-SWAPPED*); whatever else they call may be, since the buffer grows while a fault is being handled.
(in-package "SYS")

(export '(ext::mkswap ext::mkunswap ext::swparrayp ext::swparray ext::scodep ext::ccodep ext::mkswapp ext::noswapflg ext::noswapfns ext::mkswapsize
          ext::setsbsize ext::shadow-compression ext::swap-statistics ext::count-swap-hits ext::swap-cold-code ext::swap-error ext::swap-error-array ext::swap-error-reason
          ext::swapping-buffer-exhausted ext::shadow-space-exhausted ext::shadow-space-error ext::enlarge-buffer ext::make-resident ext::retry)
        "WINDFALL")

;;; -- Faults --

(define-condition ext:swap-error (error)
  ((array :initarg :array :reader ext:swap-error-array)
   (reason :initarg :reason :reader ext:swap-error-reason)
   (system-error :initarg :system-error :initform 0 :reader %swap-error-number))
  (:documentation "A swapped array cannot be fetched, or an array not be swapped.  ARRAY is the function or array; REASON one of :TOO-BIG :NO-BUFFER
:UNREADABLE :DAMAGED :FULL.")
  (:report (lambda (c stream) (%report-swap-error c stream))))
(define-condition ext:swapping-buffer-exhausted (ext:swap-error storage-condition) ()
  (:report (lambda (c stream) (%report-swap-error c stream))))
(define-condition ext:shadow-space-exhausted (ext:swap-error storage-condition) ()
  (:report (lambda (c stream) (%report-swap-error c stream))))
(define-condition ext:shadow-space-error (ext:swap-error file-error) ()
  (:report (lambda (c stream) (%report-swap-error c stream))))

(defun %swap-error-culprit (array)
  "The array without a look into it, which might be the next fault."
  (if (ext:swparrayp array) (list 'ext:swparray (class-name (class-of array))) array))

(defun %report-swap-error (c stream)
  (let* ((*print-length* 8) (*print-level* 3) (number (%swap-error-number c)) (array (ext:swap-error-array c))
         (swapped (or (ext:swparrayp array) (%code-handle array))))
    (format stream
            (case (ext:swap-error-reason c)
              (:too-big "~S is too big for the swapping buffer of ~D page~:P.")
              (:no-buffer "~S is swapped, and the swapping buffer has no pages.")
              (:unreadable "~S cannot be read from shadow space.")
              (:damaged "~S is damaged in shadow space.")
              (t (cond (swapped "There is no room for ~S: what has been changed in the swapping buffer cannot be written to shadow space.")
                       (array "~S cannot be written to shadow space.")
                       (t "The swapping buffer cannot be made so large, or what is in it cannot be written to shadow space.~*"))))
            (%swap-error-culprit array) (%buffer-pages))
    (when (and (plusp number) (member (ext:swap-error-reason c) '(:unreadable :full)))
      (format stream "  (~A.)" (%error-text number)))))

(defun %swap-condition (fault array)
  "The condition of a fault's number."
  (let ((reason (svref #(nil :too-big :no-buffer :unreadable :damaged :full) fault)))
    (make-condition (case reason
                      ((:too-big :no-buffer) 'ext:swapping-buffer-exhausted)
                      (:full 'ext:shadow-space-exhausted)
                      (t 'ext:shadow-space-error))
                    :array array :reason reason :system-error (%swap-system-error))))

(defvar *swap-faults* 0 "How many faults are being handled, one in the handler of the other.")
(defvar *last-words* #(nil "the swapping buffer is too small for what handles that it is too small" "the swapping buffer has no pages for what handles that it has none"
                       "shadow space cannot be read, and what handles this is there too" "shadow space is damaged, and so is what handles this"
                       "shadow space cannot be written, and what handles this has no room"))

(defun %pages-for (array)
  "A buffer of twice the present size, or what the array needs if that is more."
  (let ((handle (if (functionp array) (%code-handle array) array)))
    (max 1 (* 2 (%buffer-pages)) (if handle (* 2 (+ 1 (ceiling (car (%swap-figures handle)) 4096))) 1))))

(defun %swap-repair (fault array)
  "Signals the fault; returns when a restart says that it may be tried again.  ARRAY is a handle, or a function whose code it is.  Meanwhile the buffer grows by what its handlers need."
  (when (> *swap-faults* 8) (%last-words (svref *last-words* fault)))
  (let ((*swap-faults* (+ *swap-faults* 1)))
    (%swap-reserve t)
    (unwind-protect
         (restart-case (error (%swap-condition fault array))
           (ext:enlarge-buffer (&optional (size (%pages-for array)))
             :report "Enlarge the swapping buffer."
             (ext:setsbsize size))
           (ext:make-resident ()
             :test (lambda (c) (declare (ignore c)) (functionp array))
             :report (lambda (stream) (format stream "Make ~S resident." array))
             (%checked-unswap (list array)))
           (ext:retry () :report "Try again."))
      (%swap-reserve nil))))

(defun %swap-fault (handle fault) (%swap-repair fault handle))
(defun %call-unfetched (fault function &rest arguments)
  (%swap-repair fault function)
  (apply function arguments))
(defun %return-unfetched (fault function &rest values)
  (%swap-repair fault function)
  (values-list values))

(defvar *never-swapped* '(%swap-repair %swap-fault %call-unfetched %return-unfetched %swap-condition)
  "Functions without which nothing can be fetched after a fault.")

(defun %checked-unswap (functions)
  "Makes code resident."
  (loop (let ((fault (%unswap-code functions t)))
          (unless fault (return))
          (%swap-repair fault (car functions)))))

(defun %checked-swap (functions others array)
  (%note-swapped functions)
  (loop (let ((fault (%swap-code functions others)))
          (unless fault (return))
          (%swap-repair fault array))))

;;; -- Policy --

(defvar ext:noswapflg t "True: MKSWAPP as it is initially swaps no definition.  (INTERLISP-10; NIL there.)")
(defvar ext:noswapfns '() "Names of functions that MKSWAPP leaves resident.  (INTERLISP-10.)")
(defvar ext:mkswapsize 128 "MKSWAPP leaves resident what has at most so many words of code.  (INTERLISP-10.)")

(defun ext:mkswapp (name definition)
  "Whether the definition, a function that has just become NAME's, is to be swapped.  May be redefined or advised.  As it is: if NOSWAPFLG is NIL, NAME
is not in NOSWAPFNS, and the code has more than MKSWAPSIZE words.  (INTERLISP-10.)"
  (and (not ext:noswapflg)
       (not (member name ext:noswapfns :test #'equal))
       (> (or (%code-words definition) 0) ext:mkswapsize)))

(defun %definition-stored (name function value)
  "A definition has been stored: swaps it if MKSWAPP says so.  Returns VALUE."
  (let ((*swap-policy* nil))
    (when (and (%code-words function) (not (member name *never-swapped*)) (ext:mkswapp name function))
      (%checked-swap (list function) nil function)))
  value)

;;; -- Making swappable and resident --

(defun %definition (name)
  "The function or macro function of a function name, without what ADVISE and TRACE have put around it."
  (or (and (symbolp name) (macro-function name)) (%inspected-function name) (fdefinition name)))

(defun %functions-of (function)
  "The functions that have the code of a function: itself, or those of a generic function's methods."
  (if (%generic-function-p function)
      (mapcar (lambda (method) (method-field method function)) (generic-field function methods))
      (list function)))

(defun %function-name-form-p (x) (and x (or (symbolp x) (and (consp x) (eq (car x) 'setf)))))

(defun ext:mkswap (x)
  "Of an array: returns a swapped copy.  Of the name of a compiled function or macro, generic ones included: has its code swapped, and that of the functions
nested in it, and returns the name, which OVERLAYS:UNDO takes back; of a function likewise.  (INTERLISP-10.)"
  (cond ((ext:swparrayp x))
        ((functionp x)
         (let ((functions (%functions-of x)))
           (when (some (lambda (name) (member (fdefinition name) functions)) *never-swapped*)
             (error "~S must stay resident: it is needed when something cannot be fetched." x))
           (%checked-swap functions t x)
           x))
        ((%function-name-form-p x)
         (unless (ext:scodep x) (%note-undo (list 'ext:mkswap x) (lambda () (ext:mkunswap x))))
         (ext:mkswap (%definition x))
         x)
        (t (loop (let ((handle (%swap-array x)))
                   (unless (integerp handle) (return handle))
                   (%swap-repair handle x))))))

(defun ext:mkunswap (x)
  "The inverse of MKSWAP: of a swapped array a resident copy; of a function or its name, makes the code resident again.  (INTERLISP-10.)"
  (cond ((ext:swparrayp x)
         (loop (let ((array (%unswap-array x)))
                 (unless (integerp array) (return array))
                 (%swap-repair array x))))
        ((functionp x) (%checked-unswap (%functions-of x)) x)
        ((%function-name-form-p x)
         (when (ext:scodep x) (%note-undo (list 'ext:mkunswap x) (lambda () (ext:mkswap x))))
         (ext:mkunswap (%definition x))
         x)
        (t x)))

(defun %designated-functions (x)
  (cond ((functionp x) (%functions-of x))
        ((and (%function-name-form-p x) (fboundp x) (not (and (symbolp x) (special-operator-p x)))) (%functions-of (%definition x)))))

(defun ext:scodep (x)
  "Whether X, a function or the name of one, has swapped code.  (INTERLISP-10.)"
  (and (some #'%code-handle (%designated-functions x)) t))

(defun ext:ccodep (x)
  "Whether X, a function or the name of one, has compiled code, swapped or resident; false of builtins.  (INTERLISP-10.)"
  (and (some #'%code-words (%designated-functions x)) t))

;;; -- The buffer --

(defun ext:setsbsize (&optional (n nil n-p))
  "Makes the swapping buffer N pages of 512 words; everything is evicted from it.  Returns the previous size; without N the present one.  Safe at any time.
(INTERLISP-10.)"
  (let ((old (%buffer-pages)))
    (when n-p
      (loop (let ((fault (%set-buffer-pages n)))
              (unless fault (return))
              (%swap-repair fault nil))))
    old))

;;; -- Compression --

(defun ext:shadow-compression ()
  "The level of zstd at which arrays are compressed when they are written to shadow space, or NIL: they are not (as it is initially)."
  (let ((level (%shadow-compression)))
    (and (plusp level) level)))

(defun (setf ext:shadow-compression) (compression)
  "COMPRESSION: NIL, T (level 3) or a level of zstd from 1 to 19.  May be set at any time; what is in shadow space already stays as it is.  An error if the
library libzstd.so.1 cannot be opened."
  (unless (typep compression '(or boolean (integer 1 19))) (error 'type-error :datum compression :expected-type '(or boolean (integer 1 19))))
  (unless (%set-shadow-compression (case compression ((nil) 0) ((t) -1) (t compression)))
    (error "Compression needs the library libzstd.so.1, which cannot be opened."))
  compression)

;;; -- Figures --

(defun %figures (keys figures) (mapcan #'list keys figures))

(defun ext:swap-statistics (&optional array)
  "Of a swapped array, or a function or its name: a property list of figures.  Without ARRAY: the totals, and a list of one list for every swapped array, its
name or handle and its figures.  :BYTES is what the array takes in memory when it is resident, so what is saved while it is away; :STORED what it takes in shadow space, less if it is compressed; :HITS counts uses, where
all calls and returns of a function between two fetches (of whatever array) or collections are one, unless COUNT-SWAP-HITS has each call counted; :FETCHES those that found it away, :NANOSECONDS
is the time of these; :PACKED counts arrays that are compressed."
  (flet ((one (handle) (%figures '(:bytes :stored :hits :fetches :nanoseconds :in-buffer) (%swap-figures handle))))
    (if array
        (let ((handle (or (ext:swparrayp array) (some #'%code-handle (%designated-functions array)))))
          (and handle (one handle)))
        (let ((all '()))
          (do ((handle (%swap-next nil) (%swap-next handle))) ((null handle))
            (push (cons (%swap-name handle) (one handle)) all))
          (values (%figures '(:arrays :bytes :stored :file :free :handles :in-buffer :buffer :hits :fetches :evictions :written :nanoseconds :freed :packed)
                            (%swap-totals))
                  (sort all #'> :key (lambda (row) (getf (cdr row) :nanoseconds))))))))

(defun %room-swap ()
  (destructuring-bind (arrays bytes stored file free handles in-buffer buffer &rest rest) (%swap-totals)
    (declare (ignore rest))
    (unless (zerop arrays)
      (format t "~&~14A ~15:D bytes of ~:D array~:P, ~:D in shadow space (a file of ~:D, ~:D free)~%" "swapped" bytes arrays stored file free)
      (format t "~&~14A ~15:D bytes in use of ~:D; handles ~:D~%" "swap buffer" in-buffer buffer handles))))

;;; -- Everything --

(defun %all-functions ()
  "All functions that are definitions or methods, but those that must stay resident."
  (let ((seen (make-hash-table :test 'eq)) (kept (mapcar #'fdefinition *never-swapped*)))
    (flet ((see (function)
             (dolist (f (%functions-of function))
               (when (and (%code-words f) (not (member f kept))) (setf (gethash f seen) t)))))
      (do-all-symbols (symbol)
        (dolist (name (list symbol (list 'setf symbol)))
          (when (and (fboundp name) (not (special-operator-p symbol))) (see (%definition name))))))
    (let ((all '()))
      (maphash (lambda (f v) (declare (ignore v)) (push f all)) seen)
      all)))

(defun %swap-everything ()
  "Swaps all compiled code."
  (%checked-swap (%all-functions) t nil))

;;; -- What is cold --
;;;
;;; Calls of resident code leave no trace.  But collections come at safe points all over a program, and mark the functions of the innermost frames; and of swapped functions
;;; it is known in how many of the intervals between two fetches or collections they have run.  So resident code that no collection has seen goes out, and swapped code that was used
;;; often comes back.  (What runs where nothing is fetched costs nothing by being swapped, however often that is.)

(defconstant +warm-uses+ 100 "A swapped function used so often between two calls of SWAP-COLD-CODE is made resident.")
(defvar *uses-before* (make-hash-table :test 'eq :weakness :key) "Handles of code to their uses at the last SWAP-COLD-CODE.")

(defun %uses (handle) (third (%swap-figures handle)))

(defun %warm-p (function)
  (let* ((handle (%code-handle function)) (uses (and handle (%uses handle))))
    (when handle
      (prog1 (>= (- uses (gethash handle *uses-before* 0)) +warm-uses+)
        (setf (gethash handle *uses-before*) uses)))))

(defun %cold-functions (functions target)
  "The largest of those that have not run, until their bytes are TARGET, or all; and the bytes."
  (let ((bytes 0) (chosen '()))
    (dolist (f (sort functions #'> :key #'%code-words) (values chosen bytes))
      (when (and target (>= bytes target)) (return (values chosen bytes)))
      (incf bytes (* 8 (%code-words f)))
      (push f chosen))))

(defun ext:swap-cold-code (&key target)
  "Swaps out code that has not been called for long, the largest functions first, until TARGET bytes of code are out (NIL: all that is cold), and makes swapped code resident that has been
used often since the last call.  Names in NOSWAPFNS and functions of at most MKSWAPSIZE words stay.  Returns the bytes swapped out, and the number of functions that came back: two values.
What has not been called is guessed: a collection notes who runs.  So call it now and then while the program does its work."
  (let ((kept (mapcan (lambda (name) (and (fboundp name) (list (%definition name)))) ext:noswapfns)) (resident '()) (warm '()))
    (dolist (f (%all-functions))
      (cond ((%code-handle f) (when (%warm-p f) (push f warm)))
            ((not (or (%function-has-run f) (member f kept) (<= (%code-words f) ext:mkswapsize))) (push f resident))))
    (when warm (%checked-unswap warm))
    (multiple-value-bind (cold bytes) (%cold-functions resident target)
      (when cold (%checked-swap cold t nil))
      (values bytes (length warm)))))

(defun %torture-swapping ()
  "What WINDFALL_TORTURE=swap asks for: all code is swapped, what is defined later too (not with swap-library), in a buffer that is no larger than it must
be; and it is evicted at every safe point."
  (when (eq (%swap-torture-p) :all) (setq ext:noswapflg nil ext:mkswapsize 0))
  (%swap-everything)
  (%swap-torture t)
  (ext:setsbsize 0))

(setq *swap-policy* t)
