;;;; explain.lisp: what a delivered program consists of, and why: facts, and what is told of them.
;;;;
;;;; The process that writes a program notes facts in a file (src/prim/explain.c; docs/manual/explaining.md has the format).  That file is what
;;;; `windfall explain` reads; the report (report.lisp) and the JSON are made from it.  It belongs to one executable, by the number of its build.
;;;;
;;;; Entities are what has a name: functions, variables, symbols, classes, methods, packages.  Every object of the program belongs to one, or to number 0.
(in-package "SYS")

;;; -- What Lisp tells the process that notes facts --

(defun %explaining-p (options)
  "Does anybody ask for facts?"
  (or (getf options :explain) (getf options :report) (getf options :json) (getf options :dry-run)))

(defun %package-text (symbol)
  (let ((package (and (symbolp symbol) (symbol-package symbol))))
    (if package (package-name package) "")))

(defun %plain-name (name)
  "A function's or class's name without packages."
  (cond ((symbolp name) (symbol-name name))
        ((consp name) (format nil "(~{~A~^ ~})" (mapcar #'%plain-name name)))
        ((stringp name) name)
        (t (%brief name))))

(defun %base-symbol (name)
  "The symbol that says to which package a function name belongs."
  (cond ((symbolp name) name)
        ((and (consp name) (consp (cdr name)) (symbolp (cadr name))) (cadr name))))

(defun %field-texts (fields)
  (map 'simple-vector (lambda (field) (substitute #\Space #\- (string-downcase (symbol-name field)))) fields))

(defun %specializer-text (specializer)
  (if (%eql-specializer-p specializer)
      (format nil "(EQL ~A)" (%brief (eql-field specializer object)))
      (%plain-name (class-field specializer name))))

(defun %method-text (generic method)
  (format nil "~A~{ ~S~} (~{~A~^ ~})" (%plain-name (generic-field generic name)) (method-field method qualifiers)
          (mapcar #'%specializer-text (method-field method specializers))))

(defun %method-package (generic method)
  "Of a specializer that is not the system's, else of the generic function."
  (let ((names (remove-if-not #'symbolp (mapcar (lambda (s) (if (%eql-specializer-p s) nil (class-field s name))) (method-field method specializers)))))
    (or (find-if (lambda (text) (not (member text '("" "COMMON-LISP" "WINDFALL-SYSTEM" "WINDFALL") :test #'string=))) (mapcar #'%package-text names))
        (%package-text (%base-symbol (generic-field generic name))))))

(defun %told (classes generics)
  "For every metaobject #(object kind package name fields)."
  (let ((class-fields (%field-texts *class-fields*)) (generic-fields (%field-texts *generic-fields*)) (method-fields (%field-texts *method-fields*)) (told '()))
    (dolist (class classes)
      (let ((name (class-field class name)))
        (push (vector class "classes" (%package-text name) (%plain-name name) class-fields) told)))
    (dolist (generic generics)
      (let ((name (generic-field generic name)))
        (push (vector generic "generic functions" (%package-text (%base-symbol name)) (%plain-name name) generic-fields) told)
        (dolist (method (generic-field generic methods))
          (push (vector method "methods" (%method-package generic method) (%method-text generic method) method-fields) told))))
    told))

(defun %heading-lines (level pathname)
  "Lines of the file of facts that say what was delivered."
  (format nil "program	~A~%level	~D~%system	~A ~A~%" (file-namestring pathname) level (lisp-implementation-type) (lisp-implementation-version)))

;;; -- Facts --

(defstruct (%entity (:copier nil)) number kind package name retained parent via only how own)
(defstruct (%facts (:copier nil))
  file (heading '()) (parts '()) (kinds '()) entities (before '()) (links '()) (removals '()))

(defun %fact (facts key) (cdr (assoc key (%facts-heading facts) :test #'string=)))

(defun %entity-bytes (entity) (loop for (nil . bytes) in (%entity-own entity) sum bytes))

(defun %split-fields (line)
  "The fields of a line between tabs, with \\t, \\n, \\\\ read."
  (let ((fields '()) (out (make-string-output-stream)) (i 0) (end (length line)))
    (loop
      (when (>= i end) (push (get-output-stream-string out) fields) (return (nreverse fields)))
      (let ((c (char line i)))
        (cond ((eql c #\Tab) (push (get-output-stream-string out) fields))
              ((and (eql c #\\) (< (1+ i) end))
               (incf i)
               (write-char (case (char line i) (#\t #\Tab) (#\n #\Newline) (t (char line i))) out))
              (t (write-char c out)))
        (incf i)))))

(defun %read-own (text)
  "Pairs kind . bytes."
  (let ((pairs '()) (i 0))
    (loop
      (when (>= i (length text)) (return (nreverse pairs)))
      (multiple-value-bind (kind colon) (parse-integer text :start i :junk-allowed t)
        (multiple-value-bind (bytes end) (parse-integer text :start (1+ colon) :junk-allowed t)
          (push (cons kind bytes) pairs)
          (setq i (1+ end)))))))

(defun %read-entity (fields number)
  (destructuring-bind (kind package name retained parent via only how own) fields
    (make-%entity :number number :kind kind :package package :name name :retained (parse-integer retained) :parent (parse-integer parent)
                  :via (parse-integer via) :only (string= only "1") :how how :own (%read-own own))))

(defun %read-before (fields)
  (destructuring-bind (kind package name own) fields
    (make-%entity :kind kind :package package :name name :own (%read-own own))))

(defun %delivery-facts-error (file what) (%delivery-error "~A: ~A" (ext:native-namestring file) what))

(defun %read-facts (file)
  "The facts in the file; DELIVERY-ERROR if it is none or is not whole."
  (let ((facts (make-%facts :file file)) (entities '()) (count 0) (whole nil))
    (with-open-file (in file :external-format '(:utf-8 :replacement #\?))
      (unless (equal (read-line in nil "") (format nil "windfall-explain	1"))
        (%delivery-facts-error file "this is not a file of facts about a program, or one of another version"))
      (do ((line (read-line in nil) (read-line in nil))) ((or whole (null line)))
        (let* ((fields (%split-fields line)) (key (car fields)))
          (cond ((string= key "E") (push (%read-entity (cdr fields) count) entities) (incf count))
                ((string= key "B") (push (%read-before (cdr fields)) (%facts-before facts)))
                ((string= key "P") (push (cons (second fields) (parse-integer (third fields))) (%facts-parts facts)))
                ((string= key "K") (push (second fields) (%facts-kinds facts)))
                ((string= key "L") (push (list* (second fields) (third fields) (mapcar #'parse-integer (cdddr fields))) (%facts-links facts)))
                ((string= key "R") (push (list* (second fields) (parse-integer (third fields)) (cdddr fields)) (%facts-removals facts)))
                ((string= key "end") (setq whole t))
                (t (push (cons key (second fields)) (%facts-heading facts)))))))
    (unless whole (%delivery-facts-error file "the file is cut off"))
    (setf (%facts-entities facts) (coerce (nreverse entities) 'simple-vector)
          (%facts-parts facts) (%refine-parts (nreverse (%facts-parts facts)))
          (%facts-kinds facts) (coerce (nreverse (%facts-kinds facts)) 'simple-vector)
          (%facts-links facts) (nreverse (%facts-links facts))
          (%facts-removals facts) (nreverse (%facts-removals facts)))
    facts))

;;; -- The runtime's parts --

(defun %read-runtime-parts ()
  "What the runtimes of this build consist of, as the build wrote it down: lists of a runtime's bytes and its parts, (name . bytes)."
  (let ((file (ext:getenv "WINDFALL_RUNTIME_PARTS")))
    (when file (with-open-file (in file) (read in)))))

(defvar *runtime-parts* (%read-runtime-parts))

(defun %refine-parts (parts)
  "Puts the runtime's own parts into the place of the whole, if it is one of those that this system was built with."
  (mapcan (lambda (part)
            (let ((known (and (string= (car part) "runtime") (assoc (cdr part) *runtime-parts*))))
              (if known
                  (mapcar (lambda (row) (cons (format nil "runtime: ~A" (car row)) (cdr row))) (cdr known))
                  (list part))))
          parts))

;;; -- What was shaken off --

(defun %entity-class (kind)
  "Kinds of one name that stand for each other: any part of a symbol is the symbol."
  (cond ((member kind '("symbol" "name" "variable") :test #'string=) "symbol")
        ((member kind '("function" "macro") :test #'string=) "function")
        (t kind)))

(defun %entity-key (entity class)
  (concatenate 'string class ":" (%entity-package entity) ":" (%entity-name entity)))

(defun %facts-gone (facts)
  "The entities that were there before and have gone, the heaviest first."
  (let ((there (make-hash-table :test 'equal)))
    (loop for entity across (%facts-entities facts)
          do (let ((class (%entity-class (%entity-kind entity))))
               (setf (gethash (%entity-key entity class) there) t)
               (when (string= class "function") (setf (gethash (%entity-key entity "symbol") there) t))))
    (sort (remove-if (lambda (entity)
                       (or (string= (%entity-kind entity) "")
                           (gethash (%entity-key entity (%entity-class (%entity-kind entity))) there)))
                     (%facts-before facts))
          #'> :key #'%entity-bytes)))

;;; -- Sums --

(defun %sum-by (entities key)
  "Bytes of what the entities own, by what KEY says of an entity and a kind's number: pairs, the most first."
  (let ((table (make-hash-table :test 'equal)))
    (map nil (lambda (entity)
               (loop for (kind . bytes) in (%entity-own entity)
                     do (incf (gethash (funcall key entity kind) table 0) bytes)))
         entities)
    (let ((pairs '()))
      (maphash (lambda (name bytes) (push (cons name bytes) pairs)) table)
      (sort pairs #'> :key #'cdr))))

(defun %package-of (entity)
  (cond ((eql (%entity-number entity) 0) "(no single keeper)")
        ((string= (%entity-package entity) "") "(no package)")
        (t (%entity-package entity))))

(defun %facts-bytes (facts) (parse-integer (%fact facts "bytes")))

(defun %facts-check (facts)
  "The parts' sum is the file's size, and the entities' that of the areas in it."
  (let ((parts (loop for (nil . bytes) in (%facts-parts facts) sum bytes)))
    (unless (= parts (%facts-bytes facts))
      (%delivery-facts-error (%facts-file facts) (format nil "the parts have ~D bytes, the program ~D" parts (%facts-bytes facts))))))

(defun %static-rest (facts)
  "Bytes of the areas that belong to no object: the head of the static page."
  (- (loop for (name . bytes) in (%facts-parts facts)
           when (member name '("static page" "dynamic area" "pure area") :test #'string=) sum bytes)
     (loop for entity across (%facts-entities facts) sum (%entity-bytes entity))))

;;; -- Delivering with facts --

(defun %beside (pathname type)
  (ext:parse-native-namestring (concatenate 'string (ext:native-namestring pathname) type)))

(defun %deliver-explained (entry options level pathname)
  "Delivers, and makes what is asked for of the facts."
  (let* ((asked (getf options :explain)) (kept (and asked (if (eq asked t) (%beside pathname ".explain") (merge-pathnames asked))))
         (file (%beside (or kept pathname) ".explain-new")))
    (unwind-protect
         (progn
           (%deliver entry options pathname file (%heading-lines level pathname))
           (when (or (getf options :report) (getf options :json) (getf options :dry-run))
             (let ((facts (%read-facts file)))
               (%facts-check facts)
               (when (getf options :json) (%write-json-file facts (merge-pathnames (getf options :json))))
               (when (getf options :report) (%write-report facts (merge-pathnames (getf options :report))))
               (when (getf options :dry-run) (%print-figures facts *standard-output*))))
           (when kept ; not RENAME-FILE, for which a name without type has the other's
             (multiple-value-bind (done number) (%rename-file (ext:native-namestring file) (ext:native-namestring kept))
               (unless done (%system-file-error "write" kept number)))))
      (when (probe-file file) (delete-file file)))))

;;; -- JSON --

(defun %write-json-string (text stream)
  (write-char #\" stream)
  (loop for c across text
        do (case c
             (#\" (write-string "\\\"" stream))
             (#\\ (write-string "\\\\" stream))
             (#\Newline (write-string "\\n" stream))
             (#\< (write-string "\\u003c" stream))
             (t (if (< (char-code c) 32) (format stream "\\u~4,'0X" (char-code c)) (write-char c stream)))))
  (write-char #\" stream))

(defun %write-json (value stream)
  "A string, an integer, :TRUE, :FALSE, (:OBJECT key value ...), or a list or vector of such."
  (cond ((stringp value) (%write-json-string value stream))
        ((integerp value) (format stream "~D" value))
        ((eq value :true) (write-string "true" stream))
        ((eq value :false) (write-string "false" stream))
        ((and (consp value) (eq (car value) :object))
         (write-char #\{ stream)
         (do ((tail (cdr value) (cddr tail)) (first t nil)) ((null tail))
           (unless first (write-char #\, stream))
           (%write-json-string (car tail) stream)
           (write-char #\: stream)
           (%write-json (cadr tail) stream))
         (write-char #\} stream))
        (t (write-char #\[ stream)
           (let ((first t))
             (map nil (lambda (item)
                        (unless first (write-char #\, stream))
                        (setq first nil)
                        (%write-json item stream))
                  value))
           (write-char #\] stream))))

(defun %json-own (entity) (mapcan (lambda (pair) (list (car pair) (cdr pair))) (%entity-own entity)))

(defun %json-facts (facts)
  (list :object "format" 1 "build" (%fact facts "build") "program" (%fact facts "program") "level" (parse-integer (%fact facts "level"))
        "system" (%fact facts "system") "bytes" (%facts-bytes facts)
        "parts" (mapcar (lambda (part) (list (car part) (cdr part))) (%facts-parts facts))
        "staticRest" (%static-rest facts)
        "kinds" (%facts-kinds facts)
        "entities" (map 'list (lambda (e)
                                (list (%entity-kind e) (%entity-package e) (%entity-name e) (%entity-retained e) (%entity-parent e) (%entity-via e)
                                      (if (%entity-only e) :true :false) (%entity-how e) (%json-own e)))
                        (%facts-entities facts))
        "gone" (mapcar (lambda (e) (list (%entity-kind e) (%entity-package e) (%entity-name e) (%json-own e))) (%facts-gone facts))
        "before" (loop for e in (%facts-before facts) sum (%entity-bytes e))
        "links" (%facts-links facts)
        "removals" (%facts-removals facts)))

(defun %write-json-file (facts pathname)
  (with-open-file (out pathname :direction :output :if-exists :supersede :external-format :utf-8)
    (%write-json (%json-facts facts) out)
    (terpri out)))
