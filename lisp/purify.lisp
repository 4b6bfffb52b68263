;;; purify.lisp: pure space: what is immutable and lives long lies read-only, and the collector passes it by.
;;;
;;; PURIFY and IMPURIFY are Clozure CL's (there only as arguments of SAVE-APPLICATION).  A leaf asks for the work; it is done at the safe point behind
;;; the leaf, and %PURE-AWAIT makes sure of it.
(in-package "SYS")

(define-condition ext:pure-memory-error (error)
  ((object :initarg :object :reader ext:pure-memory-error-object))
  (:documentation "A program tried to change an object that PURIFY has moved to read-only memory.")
  (:report (lambda (c stream)
             (format stream "An attempt to change ~S, which lies in pure space (read-only; see ~S)." (ext:pure-memory-error-object c) 'ext:impurify))))

(defun %pure-await ()
  (loop (unless (%pure-work-waits-p) (return))))

(defun ext:purify ()
  "Moves code, the names of interned symbols, literal strings and numbers of functions, and debug information to pure space, which is read-only and no concern of the collector, and
compacts the rest.  Code of units is taken too, and their files are unmapped.  Returns the bytes in use in pure space.  May be called again and again; each call takes what is new.  STORAGE-CONDITION, with
nothing changed, if there is no room.  From Clozure CL (the :PURIFY argument of SAVE-APPLICATION)."
  (%forget-definers)
  (%purify)
  (%pure-await)
  (ext:pure-bytes))

(defun ext:impurify ()
  "Moves what is alive in pure space back to the heap, empties pure space and collects fully.  Returns how many bytes were moved back, and how many
were obsolete and are free now: two values.  STORAGE-CONDITION, with nothing changed, if the heap has no room.  From Clozure CL."
  (multiple-value-bind (garbage all) (ext:pure-garbage)
    (%impurify)
    (%pure-await)
    (values (- all garbage) garbage)))

(defun ext:pure-garbage ()
  "The bytes of pure space that nothing refers to any more, and all bytes in use there: two values.  Collects fully to find out."
  (cond ((zerop (ext:pure-bytes)) (values 0 0))
        (t (%pure-survey)
           (%pure-await)
           (values (%pure-survey-result) (ext:pure-bytes)))))

(defun %room-pure (detail)
  (multiple-value-bind (garbage all) (ext:pure-garbage)
    (unless (zerop all)
      (format t "~&~14A ~15:D bytes, ~:D of them garbage~%" "pure space" all garbage)
      (when detail (%print-census-rows (%pure-census))))))
