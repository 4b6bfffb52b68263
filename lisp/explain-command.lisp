;;;; explain-command.lisp: windfall explain PROGRAM [NAME...]: what is in a delivered program and what keeps it, in words.
(in-package "SYS")

(defparameter *explain-usage*
  "usage: windfall explain PROGRAM [NAME...] [OPTION...]

Tells what is in a program that was delivered with --explain: without a name, its bytes by part, kind, package, and what keeps most; with
names, of every function, variable, class, method or package so called, its bytes and the path of references that keeps it.

  --facts FILE    the facts are in FILE; default: PROGRAM.explain
  --top N         rows of each table; default: 15
  --report FILE   write all of it as an HTML page
  --json FILE     write it as JSON
  --help          print this
")

;;; -- Tables --

(defun %entity-title (entity)
  (if (eql (%entity-number entity) 0)
      "(no single keeper)"
      (format nil "~A ~A~A" (%entity-kind entity)
              (if (or (string= (%entity-package entity) "") (string= (%entity-kind entity) "package")) "" (format nil "~A:" (%entity-package entity)))
              (%entity-name entity))))

(defun %print-rows (title rows stream &optional (most 15))
  "Rows (name . bytes), at most MOST, and what the others sum up to."
  (when rows
    (format stream "~%~A~%" title)
    (loop for (name . bytes) in rows
          repeat most
          do (format stream "  ~11:D  ~A~%" bytes name))
    (let ((others (nthcdr most rows)))
      (when others
        (format stream "  ~11:D  (~D more)~%" (loop for (nil . bytes) in others sum bytes) (length others))))))

(defun %heaviest (facts)
  "Entities by what only they keep, the most first."
  (sort (cdr (coerce (%facts-entities facts) 'list)) #'> :key #'%entity-retained))

(defun %cuttable (facts)
  "References without which most would go: rows (text . bytes)."
  (mapcar (lambda (e) (cons (format nil "~A ~A ~A" (%entity-title (%entity-at facts (%entity-via e))) (%entity-how e) (%entity-title e)) (%entity-retained e)))
          (remove-if-not (lambda (e)
                           (and (%entity-only e) (plusp (%entity-via e)) (eql (%entity-via e) (%entity-parent e))
                                (not (string= (%entity-name e) (%entity-name (%entity-at facts (%entity-via e)))))))
                         (%heaviest facts))))

(defun %entity-at (facts number) (svref (%facts-entities facts) number))

(defun %print-figures (facts stream &optional (most 15))
  (let* ((entities (%facts-entities facts)) (kinds (%facts-kinds facts)) (gone (%facts-gone facts))
         (before (loop for e in (%facts-before facts) sum (%entity-bytes e)))
         (after (loop for e across entities sum (%entity-bytes e))))
    (format stream "~A, level ~A: ~:D bytes~%" (%fact facts "program") (%fact facts "level") (%facts-bytes facts))
    (%print-rows "The file" (%facts-parts facts) stream 100)
    (%print-rows "Objects by kind" (%sum-by entities (lambda (e kind) (declare (ignore e)) (svref kinds kind))) stream 100)
    (%print-rows "Objects by package" (%sum-by entities (lambda (e kind) (declare (ignore kind)) (%package-of e))) stream most)
    (%print-rows "What keeps most, by itself" (mapcar (lambda (e) (cons (%entity-title e) (%entity-retained e))) (%heaviest facts)) stream most)
    (%print-rows "What would go if one reference were cut" (%cuttable facts) stream most)
    (%print-rows "What would go if links of a kind were cut"
                 (sort (loop for (name nil nil nil bytes) in (%facts-links facts) when (plusp bytes) collect (cons name bytes)) #'> :key #'cdr) stream most)
    (%print-rows "What would go without" (loop for (text bytes) in (%facts-removals facts) when (plusp bytes) collect (cons text bytes)) stream most)
    (when gone
      (format stream "~%Shaken off: ~:D of ~:D bytes~%" (- before after) before)
      (loop for e in gone repeat most do (format stream "  ~11:D  ~A~%" (%entity-bytes e) (%entity-title e)))
      (when (nthcdr most gone) (format stream "  ~11@A  (~D more)~%" "" (- (length gone) most))))))

;;; -- One name --

(defun %name-matches-p (wanted entity)
  "WANTED is the name, or PACKAGE:NAME or PACKAGE::NAME, in any case; a method is also found by its generic function's name."
  (let* ((name (%entity-name entity)) (colon (and (not (eql (mismatch "(" wanted) 1)) (position #\: wanted)))
         (package (and colon (subseq wanted 0 colon)))
         (text (if colon (string-left-trim ":" (subseq wanted colon)) wanted)))
    (and (or (null package) (string-equal package (%entity-package entity))
             (and (string= package "") (string= (%entity-package entity) "KEYWORD")))
         (or (string-equal text name)
             (and (string= (%entity-kind entity) "method")
                  (> (length name) (length text)) (string-equal text name :end2 (length text)) (eql (char name (length text)) #\Space))))))

(defun %path-to (facts entity)
  "Entities from a root to the entity."
  (let ((path (list entity)))
    (loop until (eql (%entity-via (car path)) 0)
          do (push (%entity-at facts (%entity-via (car path))) path))
    path))

(defun %print-entity (facts entity stream)
  (let ((own (%entity-own entity)) (kinds (%facts-kinds facts)) (indent 2))
    (format stream "~A: ~:D byte~:P~@[ (~{~A ~:D~^, ~})~]~%" (%entity-title entity) (%entity-bytes entity)
            (and (cdr own) (loop for (kind . bytes) in own collect (svref kinds kind) collect bytes)))
    (unless (eql (%entity-retained entity) (%entity-bytes entity))
      (format stream "  with all that only it keeps: ~:D bytes~%" (%entity-retained entity)))
    (dolist (step (%path-to facts entity))
      (format stream "~VT~:[~A: ~;~A ~]~A~%" (incf indent 2) (plusp (%entity-via step)) (%entity-how step) (%entity-title step)))
    (cond ((eql (%entity-parent entity) 0)
           (format stream "  ~A~%" (if (eql (%entity-via entity) 0) "Nothing else has to stay for it to stay." "Several paths from the roots lead to it, which have no function or other name in common.")))
          ((and (%entity-only entity) (eql (%entity-via entity) (%entity-parent entity)))
           (format stream "  Nothing else refers to it: without that reference ~:D byte~:P would go.~%" (%entity-retained entity)))
          (t (format stream "  Other references keep it too; all paths to it lead through the ~A.~%" (%entity-title (%entity-at facts (%entity-parent entity))))))))

(defun %keeping-advice (facts entity)
  (let ((removal (and (string= (%entity-kind entity) "function")
                      (let ((name (format nil "~A:~A" (%entity-package entity) (%entity-name entity))))
                        (find-if (lambda (removal) (member name (cddr removal) :test #'string=)) (%facts-removals facts)))))
        (kind (%entity-kind entity)) (name (if (member (%entity-package entity) '("" "COMMON-LISP-USER" "COMMON-LISP") :test #'string=)
                                               (%entity-name entity)
                                               (format nil "~A::~A" (%entity-package entity) (%entity-name entity)))))
    (cond (removal (string-downcase (format nil "--~A" (string-left-trim ":" (car removal)))))
          ((string= kind "class") (format nil "--classes-to-keep '~(~A~)'" name))
          ((string= kind "package") (format nil "--packages-to-keep ~A" (%entity-name entity)))
          ((string= kind "macro") (format nil "--keep-macros t and --keep-symbols '~(~A~)'" name))
          ((member kind '("method" "generic function") :test #'string=)
           "keeping the generic function (--keep-symbols) and, of a method, the classes that it specializes on (--classes-to-keep)")
          (t (format nil "--keep-symbols '~(~A~)'" name)))))

(defun %print-gone (facts entities stream)
  (dolist (entity entities)
    (format stream "~A was shaken off: ~:D byte~:P.  It would stay by ~A.~%" (%entity-title entity) (%entity-bytes entity) (%keeping-advice facts entity))))

(defun %print-removed (facts name known stream)
  "Tells which functions of that name a keyword has taken away before all else, of those that are not KNOWN; whether there were any."
  (let ((any nil))
    (dolist (removal (%facts-removals facts) any)
      (dolist (function (cddr removal))
        (let* ((colon (position #\: function))
               (entity (make-%entity :number -1 :kind "function" :package (subseq function 0 colon) :name (subseq function (1+ colon)))))
          (when (and (%name-matches-p name entity)
                     (notany (lambda (e) (equal (%entity-key e (%entity-class (%entity-kind e))) (%entity-key entity "function"))) known))
            (setq any t)
            (format stream "~A was shaken off.  It would stay by --~A.~%" (%entity-title entity) (string-downcase (string-left-trim ":" (car removal))))))))))

(defun %explain-name (facts name stream)
  "Tells about all that has that name; false if there is nothing."
  (let* ((there (remove-if-not (lambda (e) (and (plusp (%entity-number e)) (%name-matches-p name e))) (coerce (%facts-entities facts) 'list)))
         (there (sort there #'> :key #'%entity-retained))
         (gone (remove-if-not (lambda (e) (%name-matches-p name e)) (%facts-gone facts))))
    (dolist (entity there) (%print-entity facts entity stream))
    (%print-gone facts gone stream)
    (or (%print-removed facts name (append there gone) stream) there gone)))

(defun %similar-names (facts name)
  (let ((names '()))
    (flet ((look (entity) (when (search name (%entity-name entity) :test #'char-equal) (pushnew (%entity-name entity) names :test #'string=))))
      (map nil #'look (%facts-entities facts))
      (map nil #'look (%facts-before facts)))
    (sort names #'< :key #'length)))

;;; -- The command --

(defun %explain-error (control &rest arguments)
  (format *error-output* "windfall explain: ~?~%" control arguments)
  (ext:quit 2))

(defun %facts-of-program (program file)
  "The facts, which must be of this very program."
  (unless (probe-file program) (%explain-error "there is no file ~A" (ext:native-namestring program)))
  (multiple-value-bind (build why) (%executable-build (ext:native-namestring program))
    (unless build (%explain-error "~A is no delivered program: ~A" (ext:native-namestring program) why))
    (unless (probe-file file)
      (%explain-error "there are no facts about ~A: no file ~A.  Deliver it with --explain." (ext:native-namestring program) (ext:native-namestring file)))
    (let ((facts (handler-case (%read-facts file)
                   (ext:delivery-error (condition) (%explain-error "~A" condition))
                   (error () (%explain-error "~A: the file is damaged or cut off" (ext:native-namestring file))))))
      (unless (string-equal (or (%fact facts "build") "") (format nil "~16,'0X" build))
        (%explain-error "~A is not about this build of ~A: it was written with another.  Deliver it again with --explain."
                        (ext:native-namestring file) (ext:native-namestring program)))
      facts)))

(defun %parse-explain-arguments (arguments)
  "A property list: :PROGRAM, :NAMES, :FACTS, :TOP, :REPORT, :JSON."
  (let ((result (list :top 15 :names '())))
    (flet ((next (option) (or (pop arguments) (%explain-error "~A wants a value." option))))
      (loop
        (when (null arguments) (return result))
        (let ((word (pop arguments)))
          (cond ((member word '("--help" "-h") :test #'string=) (write-string *explain-usage*) (ext:quit 0))
                ((string= word "--top") (setf (getf result :top) (or (parse-integer (next word) :junk-allowed t) (%explain-error "--top wants a number"))))
                ((string= word "--facts") (setf (getf result :facts) (ext:parse-native-namestring (next word))))
                ((string= word "--report") (setf (getf result :report) (ext:parse-native-namestring (next word))))
                ((string= word "--json") (setf (getf result :json) (ext:parse-native-namestring (next word))))
                ((eql (mismatch "--" word) 2) (%explain-error "unknown option: ~A" word))
                ((null (getf result :program)) (setf (getf result :program) (ext:parse-native-namestring word)))
                (t (setf (getf result :names) (append (getf result :names) (list word))))))))))

(defun %explain-command (arguments)
  "What the command windfall explain does; the exit code: 1 if a name is unknown."
  (setq *batch-p* t *source-place* nil)
  (catch '%quit
    (let* ((asked (%parse-explain-arguments arguments)) (program (or (getf asked :program) (%explain-error "which program?")))
           (facts (%facts-of-program program (or (getf asked :facts) (%beside program ".explain")))) (code 0))
      (when (getf asked :json) (%write-json-file facts (getf asked :json)))
      (when (getf asked :report) (%write-report facts (getf asked :report)))
      (cond ((getf asked :names)
             (dolist (name (getf asked :names))
               (unless (%explain-name facts name *standard-output*)
                 (setq code 1)
                 (let ((similar (%similar-names facts name)))
                   (format *error-output* "windfall explain: ~A holds nothing called ~A, and nothing so called was shaken off.~@[  There are: ~{~A~^, ~}~]~%"
                           (ext:native-namestring program) name (subseq similar 0 (min 8 (length similar))))))))
            ((not (or (getf asked :json) (getf asked :report))) (%print-figures facts *standard-output* (getf asked :top))))
      code)))
