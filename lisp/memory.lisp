;;; memory.lisp: what programs say to the collector: times, ROOM, WHY-LIVE, finalizers, populations.
;;;
;;; The names are Clozure CL's (EXT:GC, EXT:EGC and others are leaves, prim/memory.c).  Finalizers run at safe points, one after the other, in
;;; whatever dynamic context they find: an error in one is a warning, and the others run all the same.
(in-package "SYS")

;;; Times

(defun ext:gctime ()
  "Time spent in collections, in internal time units: all, full, of generation 2, of 1, of 0: five values."
  (flet ((units (n) (values (round (* n internal-time-units-per-second) 1000000000))))
    (multiple-value-bind (all full g2 g1 g0) (%gc-nanoseconds)
      (values (units all) (units full) (units g2) (units g1) (units g0)))))

;;; ROOM

(defun %print-census-rows (rows)
  (dolist (row (sort rows #'> :key #'third))
    (format t "~&    ~40A ~12:D objects ~15:D bytes~%" (first row) (second row) (third row))))

(defun room (&optional (detail :default))
  "Prints how memory is used, by generation; by type too unless DETAIL is NIL (CLHS 25.2).  If
pure space is in use, collects fully at the end, to say how much of it is garbage."
  (let ((total 0))
    (dolist (row '((3 "tenured") (2 "generation 2") (1 "generation 1") (0 "generation 0")))
      (let ((bytes (%generation-bytes (first row))))
        (incf total bytes)
        (format t "~&~14A ~15:D bytes~%" (second row) bytes)
        (when (and detail (plusp (first row)) (or (eq detail t) (= (first row) 3)))
          (%print-census-rows (%heap-census (first row))))))
    (multiple-value-bind (all full) (ext:gccounts)
      (format t "~&~14A ~15:D bytes of at most ~:D~%~:D collections, ~:D of them full, ~,3F seconds~%" "in all" total (ext:heap-limit)
              all full (/ (%gc-nanoseconds) 1d9))))
  (%room-pure detail)
  (%room-swap)
  (values))

;;; WHY-LIVE

(defvar *symbol-fields* #("value" "function" "name" "package" "property list" "system property list" "hash"))

(defun %swapped-code-p (object) "Is it a handle of code?" (and (ext:swparrayp object) (not (arrayp object)) (not (hash-table-p object))))

(defun %slot-description (object slot)
  "How the object refers by that slot: a string."
  (typecase object
    (cons (if (eql slot 0) "car" "cdr"))
    (symbol (svref *symbol-fields* slot))
    ((satisfies %swapped-code-p) (format nil "constant ~D" slot))
    ((and (satisfies ext:swparrayp) array) (format nil "element ~D" slot))
    ((and (satisfies ext:swparrayp) hash-table) "entry")
    (simple-vector (format nil "element ~D" slot))
    (function (case slot (0 "code") (1 "constants") (t (format nil "closed-over value ~D" (- slot 2)))))
    (t (format nil "slot ~D" slot))))

(defun %brief (object)
  (let ((*print-length* 4) (*print-level* 2) (*print-circle* t) (*print-readably* nil))
    (let ((text (handler-case (prin1-to-string object) (error () "an object that does not print"))))
      (if (> (length text) 72) (concatenate 'string (subseq text 0 70) "...") text))))

(defun %metaobject-fields (object)
  "The names of the fields of a class, generic function, or method; NIL for anything else."
  (typecase object
    (class *class-fields*)
    (generic-function *generic-fields*)
    (method *method-fields*)))

(defun %inner-step-p (object inside)
  "Is the object only a means of INSIDE, the one before it on the path: conses, the constants of a function, the slots of an instance, a package's tables?"
  (or (consp object)
      (%swapped-code-p object)
      (and (simple-vector-p object) (typep inside '(or function package standard-object)))
      (typep inside 'hash-table)))

(defun %part-in-words (object slots)
  "By which of its parts the object leads on; SLOTS: of itself, and of what follows as only a means."
  (let ((fields (%metaobject-fields object)))
    (cond ((packagep object) "symbol")
          ((hash-table-p object) "entry")
          ((and fields (cdr slots) (< (second slots) (length fields))) (substitute #\Space #\- (string-downcase (symbol-name (nth (second slots) fields)))))
          ((and (functionp object) (or (cdr slots) (eql (car slots) 1))) "constant")
          ((and (typep object 'standard-object) (cdr slots)) (format nil "slot ~D" (second slots)))
          (t (%slot-description object (car slots))))))

(defun %thing-in-words (object)
  (typecase object
    (null "NIL")
    (package (format nil "package ~A" (package-name object)))
    (symbol (format nil "symbol ~S" object))
    (class (format nil "class ~S" (class-name object)))
    (generic-function (format nil "generic function ~S" (generic-field object name)))
    (function (format nil "function ~S" (or (ignore-errors (svref (%function-debug object) 0)) object)))
    (t (%brief object))))

(defun %print-path (path object stream)
  "PATH: objects and slots in turn, from the root on."
  (loop while (cdr path)
        do (let ((from (first path)) (slots (list (second path))))
             (setq path (cddr path))
             (loop while (and (cdr path) (not (consp from)) (%inner-step-p (first path) from))
                   do (push (second path) slots) (setq path (cddr path)))
             (format stream "  ~A of ~A~%" (%part-in-words from (nreverse slots)) (%thing-in-words from))))
  (format stream "  is ~A~%" (%thing-in-words object)))

(defun ext:why-live (object &optional (stream *standard-output*))
  "Prints the shortest path of references from a root to OBJECT, in words; returns it as a list: the root's name, then for each object on the way a list
of the object and how it refers to the next, or NIL if nothing keeps it.  What packages hold counts
after everything else, the control stack and special bindings last.  STREAM NIL: prints nothing."
  (let* ((path (%why-live object)) (steps '()))
    (when path
      (do ((rest (cdr path) (cddr rest))) ((null (cdr rest)))
        (push (list (first rest) (%slot-description (first rest) (second rest))) steps))
      (setq steps (cons (car path) (nreverse steps))))
    (when stream
      (if (null path)
          (format stream "~&Nothing keeps ~A.~%" (%brief object))
          (progn
            (format stream "~&root: ~A~%" (car steps))
            (%print-path (cdr path) object stream))))
    steps))

;;; Finalizers

(defun ext:terminate-when-unreachable (object &optional (function 'ext:terminate))
  "Calls FUNCTION with OBJECT at some safe point when nothing else reaches it any more; a function that refers to the object does not keep it.
Several calls for one object add up.  Returns OBJECT."
  (%add-finalizer object function))

(defun ext:cancel-terminate-when-unreachable (object &optional function)
  "Forgets what TERMINATE-WHEN-UNREACHABLE was told of OBJECT (only with FUNCTION, if given); returns whether there was anything."
  (plusp (%cancel-finalizer object function)))

(defun ext:termination-function (object)
  "The function that was registered last for OBJECT, or NIL."
  (%finalizer-function object))

(defgeneric ext:terminate (object)
  (:documentation "What TERMINATE-WHEN-UNREACHABLE calls by default.  The method for all objects does nothing.")
  (:method (object) (declare (ignore object)) nil))

(defun ext:drain-termination-queue ()
  "Calls the finalizers that are due; returns how many there were."
  (let ((count 0))
    (loop
      (multiple-value-bind (function object any) (%take-finalizer)
        (unless any (return count))
        (incf count)
        (handler-case (funcall function object)
          (error (c) (warn "Error in the finalizer ~S: ~A" function c)))))))

(defun %run-finalizers ()
  "What the loop calls after a collection that found some."
  (ext:drain-termination-queue)
  nil)

;;; Populations: collections that do not keep their elements

(defstruct (ext:population (:conc-name %population-) (:constructor %make-population (type)) (:copier nil) (:predicate ext:populationp))
  (type :list :read-only t)
  (table nil)     ; of an :alist: key -> value, weak in the key
  (pointers '())) ; weak pointers to the elements or keys, in order

(defun ext:population-type (population)
  ":LIST or :ALIST."
  (%population-type population))

(defun ext:population-contents (population)
  "A fresh list of what is still alive in it."
  (let ((alive '()) (pointers '()))
    (dolist (pointer (%population-pointers population))
      (multiple-value-bind (object lives) (ext:weak-pointer-value pointer)
        (when lives
          (push pointer pointers)
          (push (if (eq (%population-type population) :alist) (cons object (gethash object (%population-table population))) object) alive))))
    (setf (%population-pointers population) (nreverse pointers))
    (nreverse alive)))

(defun ext:set-population-contents (population contents)
  (let ((alist (eq (%population-type population) :alist)))
    (when alist
      (setf (%population-table population) (make-hash-table :test 'eq :weakness :key))
      (dolist (pair contents) (setf (gethash (car pair) (%population-table population)) (cdr pair))))
    (setf (%population-pointers population) (mapcar (lambda (x) (ext:make-weak-pointer (if alist (car x) x))) contents))
    contents))
(defsetf ext:population-contents ext:set-population-contents)

(defun ext:make-population (&key (type :list) initial-contents)
  "A population of TYPE :LIST (its elements are weak) or :ALIST (keys are weak; a value lives as long as its key)."
  (check-type type (member :list :alist))
  (let ((population (%make-population type)))
    (ext:set-population-contents population initial-contents)
    population))
