;;;; pathnames.lisp: CLHS chapters 19 and 20: pathnames and the file system.
;;;;
;;;; A pathname object has host, device, directory, name, type, version.  The host is NIL for a physical pathname and the upper-case name, a
;;;; string, for a logical one.  A string component is literal; one with wildcards is (:PATTERN string), where * ? [...] match and
;;;; backslash quotes; * alone is :WILD, ** as a directory :WILD-INFERIORS, .. is :UP.
;;;;
;;;; A namestring quotes wildcard characters of literal components with backslashes; a native namestring is what the kernel sees and has no
;;;; syntax but the slash.  The type is what follows the last period, unless that is the first character of the name.

(in-package "SYS")

(defvar *default-pathname-defaults* (%make-pathname nil nil nil nil nil nil)
  "What missing components of pathnames are taken from (CLHS *DEFAULT-PATHNAME-DEFAULTS*).")
(defvar *logical-hosts* nil "Association list of the names of logical hosts and their translations.")

(defun %logical-pathname-p (x) (and (pathnamep x) (%pathname-ref x 0) t))

;;; -- Parsing --

(defun %find-char (character string start end)
  "Position of an unquoted character, or NIL."
  (do ((i start (1+ i))) ((>= i end) nil)
    (let ((c (char string i)))
      (cond ((char= c character) (return i))
            ((char= c #\\) (incf i))))))

(defun %unquote (string start end)
  "The characters of a part of a namestring without quoting backslashes."
  (let ((out (make-string-output-stream)))
    (do ((i start (1+ i))) ((>= i end))
      (when (and (char= (char string i) #\\) (< (1+ i) end)) (incf i))
      (write-char (char string i) out))
    (get-output-stream-string out)))

(defun %component (string start end)
  "A part of a namestring as a component."
  (cond ((and (= (- end start) 1) (char= (char string start) #\*)) :wild)
        ((or (%find-char #\* string start end) (%find-char #\? string start end) (%find-char #\[ string start end))
         (list :pattern (subseq string start end)))
        (t (%unquote string start end))))

(defun %directory-component (string start end)
  (let ((length (- end start)))
    (cond ((and (= length 2) (string= string ".." :start1 start :end1 end)) :up)
          ((and (= length 2) (string= string "**" :start1 start :end1 end)) :wild-inferiors)
          (t (%component string start end)))))

(defun %last-period (string start end)
  "Position of the period before the type, or NIL."
  (do ((i (1- end) (1- i))) ((<= i start) nil)
    (when (and (char= (char string i) #\.) (char/= (char string (1- i)) #\\)) (return i))))

(defun %name-and-type (string start end component)
  "Name and type of the last part of a namestring; COMPONENT makes components of parts."
  (let ((period (%last-period string start end)))
    (cond ((= start end) (values nil nil))
          (period (values (funcall component string start period) (funcall component string (1+ period) end)))
          (t (values (funcall component string start end) nil)))))

(defun %parse-physical (string start end &optional native)
  "The pathname that a physical namestring denotes."
  (let ((directory nil) (at start)
        (component (if native #'subseq #'%component))
        (directory-component (cond ((not native) #'%directory-component)
                                   (t (lambda (s i j) (if (string= s ".." :start1 i :end1 j) :up (subseq s i j)))))))
    (when (and (not native) (< start end) (char= (char string start) #\~)
               (or (= (1+ start) end) (char= (char string (1+ start)) #\/)))
      (push :home directory)
      (setq at (min end (+ start 2))))
    (when (and (< at end) (null directory) (char= (char string at) #\/))
      (push :absolute directory)
      (incf at))
    (do () (nil)
      (let ((slash (if native (position #\/ string :start at :end end) (%find-char #\/ string at end))))
        (unless slash (return))
        (unless directory (push :relative directory))
        (unless (or (= slash at) (and (= slash (1+ at)) (char= (char string at) #\.)))
          (push (funcall directory-component string at slash) directory))
        (setq at (1+ slash))))
    (let ((rest (- end at)))
      (cond ((and (= rest 1) (char= (char string at) #\.))
             (unless directory (push :relative directory))
             (setq at end))
            ((and (= rest 2) (string= string ".." :start1 at :end1 end))
             (unless directory (push :relative directory))
             (push :up directory)
             (setq at end))))
    (when (equal directory '(:relative)) (setq directory nil))
    (multiple-value-bind (name type) (%name-and-type string at end component)
      (%make-pathname nil nil (nreverse (%expand-home directory)) name type nil))))

(defun %expand-home (reversed)
  "Puts the user's home directory in the place of :HOME at the end of a reversed directory."
  (let ((tail (last reversed)))
    (if (eq (car tail) :home)
        (append (butlast reversed) (reverse (pathname-directory (user-homedir-pathname))))
        reversed)))

(defun %split (string separator start end)
  "List of the bounds of the parts between separators."
  (let ((parts nil))
    (do ((at start)) (nil)
      (let ((next (position separator string :start at :end end)))
        (push (cons at (or next end)) parts)
        (unless next (return (nreverse parts)))
        (setq at (1+ next))))))

(defun %logical-word (string start end)
  (let ((word (string-upcase (subseq string start end))))
    (cond ((string= word "*") :wild)
          ((string= word "**") :wild-inferiors)
          ((find #\* word) (list :pattern word))
          ((and (plusp (length word)) (every (lambda (c) (or (alphanumericp c) (char= c #\-))) word)) word)
          (t (error 'ext::pathname-parse-error :namestring string)))))

(defun %logical-version (string start end)
  (let ((word (string-upcase (subseq string start end))))
    (cond ((string= word "*") :wild)
          ((string= word "NEWEST") :newest)
          ((and (plusp (length word)) (every #'digit-char-p word)) (parse-integer word))
          (t (error 'ext::pathname-parse-error :namestring string)))))

(define-condition ext::pathname-parse-error (parse-error)
  ((namestring :initarg :namestring))
  (:report (lambda (c stream) (format stream "~S is not a well-formed namestring." (slot-value c 'namestring)))))

(defun %parse-logical (string start end host)
  "The logical pathname of what follows the host in a namestring."
  (let* ((parts (%split string #\; start end)) (directory nil) (final (car (last parts))))
    (when (cdr parts)
      (push (if (= (caar parts) (cdar parts)) :relative :absolute) directory)
      (dolist (part (if (eq (car directory) :relative) (cdr (butlast parts)) (butlast parts)))
        (push (%logical-word string (car part) (cdr part)) directory)))
    (unless directory (push :absolute directory))
    (let ((words (%split string #\. (car final) (cdr final))))
      (when (cdddr words) (error 'ext::pathname-parse-error :namestring string))
      (flet ((word (part) (if (and part (< (car part) (cdr part))) (%logical-word string (car part) (cdr part)))))
        (%make-pathname host nil (nreverse directory) (word (first words)) (word (second words))
                        (let ((part (third words))) (if part (%logical-version string (car part) (cdr part)))))))))

(defun %logical-prefix (string start end)
  "The name of the logical host that the namestring begins with, and where it ends; or NIL."
  (let ((colon (position #\: string :start start :end end)))
    (when colon
      (let ((entry (assoc (string-upcase (subseq string start colon)) *logical-hosts* :test #'string=)))
        (if entry (values (car entry) colon))))))

(defun %parse (string start end host)
  (multiple-value-bind (prefix colon) (%logical-prefix string start end)
    (cond (prefix
           (when (and host (string/= host prefix)) (error "The host in ~S is not ~S." string host))
           (%parse-logical string (1+ colon) end prefix))
          (host (%parse-logical string start end host))
          (t (%parse-physical string start end)))))

(defun %host (host)
  "The canonical form of a host argument."
  (cond ((or (null host) (eq host :unspecific)) nil)
        ((and (stringp host) (car (assoc (string-upcase host) *logical-hosts* :test #'string=))))
        ((and (stringp host) (string= host "")) nil)
        (t (error "~S is not the name of a logical host." host))))

(defun parse-namestring (thing &optional host (defaults *default-pathname-defaults*) &key (start 0) end junk-allowed)
  "The pathname that a string denotes, and where it ends; pathnames and streams of files are taken as they are (CLHS PARSE-NAMESTRING)."
  (cond ((stringp thing)
         (let* ((end (or end (length thing)))
                (host (or (%host host) (%pathname-ref (pathname defaults) 0))))
           (if junk-allowed
               (handler-case (values (%parse thing start end host) end)
                 (error () (values nil start)))
               (values (%parse thing start end host) end))))
        (t (let ((pathname (pathname thing)))
             (unless (or (null host) (equal (%host host) (%pathname-ref pathname 0)))
               (error "The host of ~S is not ~S." pathname host))
             (values pathname start)))))

(defun pathname (x)
  "The pathname that a pathname designator stands for (CLHS PATHNAME)."
  (cond ((pathnamep x) x)
        ((stringp x) (let ((host (%pathname-ref *default-pathname-defaults* 0))) (%parse x 0 (length x) host)))
        ((and (streamp x) (%stream-pathname x)))
        (t (error 'type-error :datum x :expected-type '(or string pathname file-stream)))))

(defun ext:parse-native-namestring (string &key as-directory)
  "The pathname of a file by the name that the system has for it: only slashes mean something."
  (let ((pathname (%parse-physical string 0 (length string) t)))
    (if (and as-directory (pathname-name pathname))
        (%parse-physical (concatenate 'string string "/") 0 (1+ (length string)) t)
        pathname)))

;;; -- Namestrings --

(defun %write-quoted (string out)
  (do ((i 0 (1+ i)) (n (length string))) ((= i n))
    (let ((c (char string i)))
      (when (member c '(#\* #\? #\[ #\\)) (write-char #\\ out))
      (write-char c out))))

(defun %write-component (x out native)
  (cond ((stringp x) (if native (write-string x out) (%write-quoted x out)))
        (native (error "A wild pathname has no native namestring."))
        ((eq x :wild) (write-char #\* out))
        ((eq x :wild-inferiors) (write-string "**" out))
        ((consp x) (write-string (cadr x) out))))

(defun %write-directory (directory out native)
  (case (car directory)
    (:absolute (write-char #\/ out))
    (:relative (if (null (cdr directory)) (write-string "./" out))))
  (dolist (x (cdr directory))
    (if (member x '(:up :back)) (write-string ".." out) (%write-component x out native))
    (write-char #\/ out)))

(defun %write-file-name (pathname out native)
  (let ((name (%pathname-ref pathname 3)) (type (%pathname-ref pathname 4)))
    (when name (%write-component name out native))
    (when (and type (not (eq type :unspecific)))
      (write-char #\. out)
      (%write-component type out native))))

(defun %write-logical-directory (directory out)
  (when (eq (car directory) :relative) (write-char #\; out))
  (dolist (x (cdr directory))
    (if (member x '(:up :back)) (write-string ".." out) (%write-component x out nil))
    (write-char #\; out)))

(defun %write-logical-name (pathname out)
  (let ((version (%pathname-ref pathname 5)))
    (%write-file-name pathname out nil)
    (when version
      (unless (%pathname-ref pathname 4) (write-char #\. out))
      (write-char #\. out)
      (write-string (cond ((integerp version) (%decimal version)) ((eq version :wild) "*") (t (string version))) out))))

(defmacro %with-text ((out) &body body)
  `(let ((,out (make-string-output-stream))) ,@body (get-output-stream-string ,out)))

(defun %namestring-parts (pathname directory-p name-p)
  (%with-text (out)
    (cond ((%pathname-ref pathname 0)
           (when directory-p (%write-logical-directory (%pathname-ref pathname 2) out))
           (when name-p (%write-logical-name pathname out)))
          (t (when directory-p (%write-directory (%pathname-ref pathname 2) out nil))
             (when name-p (%write-file-name pathname out nil))))))

(defun namestring (pathname)
  "The pathname as a string (CLHS NAMESTRING)."
  (let* ((pathname (pathname pathname)) (text (%namestring-parts pathname t t)))
    (if (%pathname-ref pathname 0) (concatenate 'string (%pathname-ref pathname 0) ":" text) text)))

(defun file-namestring (pathname)
  "Name and type of the pathname as a string (CLHS FILE-NAMESTRING)."
  (%namestring-parts (pathname pathname) nil t))

(defun directory-namestring (pathname)
  "The directory of the pathname as a string (CLHS DIRECTORY-NAMESTRING)."
  (%namestring-parts (pathname pathname) t nil))

(defun host-namestring (pathname)
  "The host of the pathname as a string (CLHS HOST-NAMESTRING)."
  (or (%pathname-ref (pathname pathname) 0) ""))

(defun ext:native-namestring (pathname &key as-file)
  "The name by which the system knows the file, without quoting; AS-FILE leaves a directory's last slash out."
  (let* ((pathname (translate-logical-pathname pathname))
         (text (%with-text (out)
                 (%write-directory (%pathname-ref pathname 2) out t)
                 (%write-file-name pathname out t)))
         (end (1- (length text))))
    (if (and as-file (plusp end) (char= (char text end) #\/)) (subseq text 0 end) text)))

(defun enough-namestring (pathname &optional (defaults *default-pathname-defaults*))
  "A namestring that denotes the pathname when it is merged with DEFAULTS (CLHS ENOUGH-NAMESTRING)."
  (let* ((pathname (pathname pathname)) (defaults (pathname defaults))
         (directory (%pathname-ref pathname 2)) (prefix (%pathname-ref defaults 2))
         (n (length prefix)))
    (if (and (equal (%pathname-ref pathname 0) (%pathname-ref defaults 0)) prefix (eq (car prefix) :absolute)
             (>= (length directory) n) (equal (subseq directory 0 n) prefix))
        (%namestring-parts (%make-pathname (%pathname-ref pathname 0) nil
                                           (if (nthcdr n directory) (cons :relative (nthcdr n directory)))
                                           (%pathname-ref pathname 3) (%pathname-ref pathname 4) (%pathname-ref pathname 5))
                           t t)
        (namestring pathname))))

;;; -- Components --

(defun %swap-case (x case)
  "A component in the :COMMON or :LOCAL case: customary (lower) case becomes upper case, and the reverse."
  (cond ((eq case :local) x)
        ((not (eq case :common)) (error 'type-error :datum case :expected-type '(member :local :common)))
        ((consp x) (mapcar (lambda (y) (%swap-case y case)) x))
        ((not (stringp x)) x)
        ((every (lambda (c) (not (lower-case-p c))) x) (string-downcase x))
        ((every (lambda (c) (not (upper-case-p c))) x) (string-upcase x))
        (t x)))

(defun %pathname-component (pathname i case)
  (let* ((pathname (pathname pathname)) (x (%pathname-ref pathname i)))
    (if (%pathname-ref pathname 0) x (%swap-case x case))))

(defun pathname-host (pathname &key (case :local))
  "Name of the logical host of a pathname, NIL for physical ones (CLHS PATHNAME-HOST)."
  (%pathname-component pathname 0 case))
(defun pathname-device (pathname &key (case :local))
  "The device of a pathname: NIL, or :UNSPECIFIC for logical ones (CLHS PATHNAME-DEVICE)."
  (if (%logical-pathname-p (pathname pathname)) :unspecific (%pathname-component pathname 1 case)))
(defun pathname-directory (pathname &key (case :local))
  "The directory of a pathname: NIL or a list (CLHS PATHNAME-DIRECTORY)."
  (%pathname-component pathname 2 case))
(defun pathname-name (pathname &key (case :local))
  "The name of a pathname (CLHS PATHNAME-NAME)."
  (%pathname-component pathname 3 case))
(defun pathname-type (pathname &key (case :local))
  "The type of a pathname (CLHS PATHNAME-TYPE)."
  (%pathname-component pathname 4 case))
(defun pathname-version (pathname)
  "The version of a pathname (CLHS PATHNAME-VERSION)."
  (%pathname-ref (pathname pathname) 5))

(defun %simplify-directory (directory)
  "Removes :BACK together with what it goes back over."
  (if (and (consp directory) (member :back directory))
      (let ((out nil))
        (dolist (x directory (nreverse out))
          (if (and (eq x :back) (or (stringp (car out)) (eq (car out) :wild) (consp (car out)))) (pop out) (push x out))))
      directory))

(defun %bad-directory (directory control &rest arguments)
  (apply #'%file-error (%with-text (out) (%write-directory directory out nil)) control arguments))

(defun %check-directory (directory)
  "The list that a directory argument stands for."
  (cond ((null directory) nil)
        ((eq directory :wild) (list :absolute :wild-inferiors))
        ((eq directory :unspecific) nil)
        ((stringp directory) (list :absolute directory))
        ((and (consp directory) (member (car directory) '(:absolute :relative)))
         (do ((l (cdr directory) (cdr l))) ((null l))
           (unless (or (stringp (car l)) (member (car l) '(:wild :wild-inferiors :up :back))
                       (and (consp (car l)) (eq (caar l) :pattern)))
             (error "~S is not a directory component." (car l)))
           (when (and (eq (car l) :wild-inferiors) (member (cadr l) '(:up :back)))
             (%bad-directory directory "~S follows ~S in the directory ~S." (cadr l) (car l) directory)))
         (when (and (eq (car directory) :absolute) (member (cadr directory) '(:up :back)))
           (%bad-directory directory "~S follows :ABSOLUTE in the directory ~S." (cadr directory) directory))
         (%simplify-directory directory))
        (t (error "~S is not a directory." directory))))

(defun make-pathname (&key (host nil host-p) (device nil device-p) (directory nil directory-p) (name nil name-p) (type nil type-p)
                           (version nil version-p) (defaults nil defaults-p) (case :local))
  "A pathname of components; those not given are those of DEFAULTS (CLHS MAKE-PATHNAME)."
  (let* ((defaults (if defaults-p
                       (pathname defaults)
                       (%make-pathname (%pathname-ref *default-pathname-defaults* 0) nil nil nil nil nil)))
         (host (if host-p (%host host) (%pathname-ref defaults 0)))
         (new (%make-pathname host
                              (if device-p device (%pathname-ref defaults 1))
                              (if directory-p (%check-directory (%swap-case directory case)) (%pathname-ref defaults 2))
                              (if name-p (%swap-case name case) (%pathname-ref defaults 3))
                              (if type-p (%swap-case type case) (%pathname-ref defaults 4))
                              (if version-p version (%pathname-ref defaults 5)))))
    (if host (%upcase-pathname new) new)))

(defun %upcase-component (x)
  (cond ((stringp x) (string-upcase x))
        ((consp x) (mapcar #'%upcase-component x))
        (t x)))

(defun %upcase-pathname (p)
  (%make-pathname (%pathname-ref p 0) (%pathname-ref p 1) (%upcase-component (%pathname-ref p 2))
                  (%upcase-component (%pathname-ref p 3)) (%upcase-component (%pathname-ref p 4)) (%pathname-ref p 5)))

(defun merge-pathnames (pathname &optional (defaults *default-pathname-defaults*) (default-version :newest))
  "The pathname with missing components taken from DEFAULTS; a relative directory is put behind that of DEFAULTS (CLHS MERGE-PATHNAMES)."
  (let* ((defaults (pathname defaults))
         (pathname (if (stringp pathname)
                       (let ((*default-pathname-defaults* defaults)) (pathname pathname))
                       (pathname pathname)))
         (directory (%pathname-ref pathname 2)) (base (%pathname-ref defaults 2))
         (name (%pathname-ref pathname 3)))
    (%make-pathname (or (%pathname-ref pathname 0) (%pathname-ref defaults 0))
                    (or (%pathname-ref pathname 1) (%pathname-ref defaults 1))
                    (cond ((null directory) base)
                          ((and base (eq (car directory) :relative)) (%simplify-directory (append base (cdr directory))))
                          (t directory))
                    (or name (%pathname-ref defaults 3))
                    (or (%pathname-ref pathname 4) (%pathname-ref defaults 4))
                    (or (%pathname-ref pathname 5) (and (not name) (%pathname-ref defaults 5)) default-version))))

;;; -- Wildcards --

(defun %wild-component-p (x)
  (or (eq x :wild) (eq x :wild-inferiors) (and (consp x) (eq (car x) :pattern))))

(defun wild-pathname-p (pathname &optional field)
  "True if the pathname, or the field of it (:HOST, :DIRECTORY, ...), has wildcards (CLHS WILD-PATHNAME-P)."
  (let ((pathname (pathname pathname)))
    (flet ((wild (i) (let ((x (%pathname-ref pathname i)))
                       (if (= i 2) (and (some #'%wild-component-p (if (listp x) x nil)) t) (and (%wild-component-p x) t)))))
      (ecase field
        ((nil) (or (wild 2) (wild 3) (wild 4) (wild 5)))
        (:host nil) (:device nil)
        (:directory (wild 2)) (:name (wild 3)) (:type (wild 4)) (:version (wild 5))))))

(defun %in-class-p (character pattern start end)
  "Whether the character is in the class [...] whose contents are given."
  (let ((negated (and (< start end) (member (char pattern start) '(#\! #\^)))) (found nil))
    (do ((i (if negated (1+ start) start) (1+ i))) ((>= i end))
      (let ((low (char pattern i)))
        (cond ((and (< (+ i 2) end) (char= (char pattern (1+ i)) #\-))
               (when (char<= low character (char pattern (+ i 2))) (setq found t))
               (incf i 2))
              ((char= low character) (setq found t)))))
    (if negated (not found) found)))

(defun %glob (pattern p string s)
  "What the wildcards of the pattern from P on match in the string from S on, a list of strings; :NO if it does not match."
  (let ((plen (length pattern)) (slen (length string)))
    (if (= p plen)
        (if (= s slen) nil :no)
        (let ((c (char pattern p)))
          (flet ((one (next capture)
                   (if (= s slen)
                       :no
                       (let ((rest (%glob pattern next string (1+ s))))
                         (cond ((eq rest :no) :no)
                               (capture (cons (string (char string s)) rest))
                               (t rest))))))
            (cond ((char= c #\*)
                   (do ((end s (1+ end))) ((> end slen) :no)
                     (let ((rest (%glob pattern (1+ p) string end)))
                       (unless (eq rest :no) (return (cons (subseq string s end) rest))))))
                  ((char= c #\?) (one (1+ p) t))
                  ((and (char= c #\[) (position #\] pattern :start (min plen (+ p 2))))
                   (let ((close (position #\] pattern :start (+ p 2))))
                     (if (and (< s slen) (%in-class-p (char string s) pattern (1+ p) close)) (one (1+ close) t) :no)))
                  (t (when (and (char= c #\\) (< (1+ p) plen)) (setq c (char pattern (incf p))))
                     (if (and (< s slen) (char= c (char string s))) (one (1+ p) nil) :no))))))))

(defun %match-component (x wild)
  "What the wildcards of WILD match in the component X, a list; :NO if it does not match."
  (cond ((or (eq wild :wild) (null wild)) (list x))
        ((eql x wild) nil)
        ((and (stringp x) (stringp wild)) (if (string= x wild) nil :no))
        ((equal x wild) nil)
        ((and (consp wild) (eq (car wild) :pattern) (stringp x)) (%glob (cadr wild) 0 x 0))
        ((and (member wild '(nil :unspecific :newest)) (member x '(nil :unspecific :newest))) nil)
        (t :no)))

(defun %match-directory (list wild)
  "As %MATCH-COMPONENT for lists of directory components; what :WILD-INFERIORS matches is a list."
  (cond ((null wild) (if (null list) nil :no))
        ((eq (car wild) :wild-inferiors)
         (do ((tail list (cdr tail))) (nil)
           (let ((rest (%match-directory tail (cdr wild))))
             (unless (eq rest :no) (return (cons (ldiff list tail) rest)))
             (when (null tail) (return :no)))))
        ((null list) :no)
        (t (let ((first (if (and (eq (car list) :wild-inferiors) (not (eq (car wild) :wild-inferiors)))
                            :no
                            (%match-component (car list) (car wild)))))
             (if (eq first :no)
                 :no
                 (let ((rest (%match-directory (cdr list) (cdr wild))))
                   (if (eq rest :no) :no (append first rest))))))))

(defun %match-directories (directory wild)
  "Matches of a whole directory: a missing one matches only what is missing or all of it."
  (cond ((null wild) (list directory))
        ((null directory) (%match-directory '(:relative) wild))
        (t (%match-directory directory wild))))

(defun pathname-match-p (pathname wildcard)
  "True if the pathname matches the one with wildcards; what is missing in that matches all (CLHS PATHNAME-MATCH-P)."
  (let ((p (pathname pathname)) (w (pathname wildcard)))
    (and (equal (%pathname-ref p 0) (%pathname-ref w 0))
         (not (eq (%match-directories (%pathname-ref p 2) (%pathname-ref w 2)) :no))
         (not (eq (%match-component (%pathname-ref p 3) (%pathname-ref w 3)) :no))
         (not (eq (%match-component (%pathname-ref p 4) (%pathname-ref w 4)) :no))
         (not (eq (%match-component (%pathname-ref p 5) (%pathname-ref w 5)) :no)))))

(defun %fill-pattern (pattern captures)
  "The string that the pattern becomes when its wildcards are replaced by captures; what is left of them is the second value."
  (let ((end (length pattern)))
    (values (%with-text (out)
              (do ((i 0 (1+ i))) ((>= i end))
                (let ((c (char pattern i)))
                  (cond ((member c '(#\* #\?))
                         (let ((capture (pop captures))) (when (stringp capture) (write-string capture out))))
                        (t (when (and (char= c #\\) (< (1+ i) end)) (setq c (char pattern (incf i))))
                           (write-char c out))))))
            captures)))

(defun %fill-component (to source captures)
  (cond ((null to) source)
        ((eq to :wild) (if captures (car captures) source))
        ((and (consp to) (eq (car to) :pattern)) (values (%fill-pattern (cadr to) captures)))
        (t to)))

(defun %fill-directory (to source captures)
  (if (null to)
      source
      (let ((out nil))
        (dolist (x to (nreverse out))
          (cond ((eq x :wild) (let ((capture (pop captures)))
                                (if (listp capture) (dolist (y capture) (push y out)) (push capture out))))
                ((eq x :wild-inferiors) (let ((capture (pop captures)))
                                          (if (listp capture) (dolist (y capture) (push y out)) (push capture out))))
                ((and (consp x) (eq (car x) :pattern))
                 (multiple-value-bind (text rest) (%fill-pattern (cadr x) captures)
                   (push text out)
                   (setq captures rest)))
                (t (push x out)))))))

(defun %downcase-component (x)
  (cond ((stringp x) (string-downcase x))
        ((consp x) (mapcar #'%downcase-component x))
        (t x)))

(defun translate-pathname (source from to &key)
  "What SOURCE, which matches FROM, becomes when its parts are put into TO (CLHS TRANSLATE-PATHNAME)."
  (let* ((source (pathname source)) (from (pathname from)) (to (pathname to))
         (lower (and (%pathname-ref source 0) (not (%pathname-ref to 0)))))
    (labels ((fail () (error "~S does not match ~S." source from))
             (case-of (x) (if lower (%downcase-component x) x))
             (captures (x) (if (eq x :no) (fail) (case-of x)))
             (field (i) (%fill-component (%pathname-ref to i) (case-of (%pathname-ref source i))
                                         (captures (%match-component (%pathname-ref source i) (%pathname-ref from i))))))
      (unless (equal (%pathname-ref source 0) (%pathname-ref from 0)) (fail))
      (%make-pathname (%pathname-ref to 0) (%pathname-ref to 1)
                      (%fill-directory (%pathname-ref to 2) (case-of (%pathname-ref source 2))
                                       (let ((directory (%pathname-ref source 2)) (wild (%pathname-ref from 2)))
                                         (if wild (captures (%match-directories directory wild)) (captures (list (cdr directory))))))
                      (field 3) (field 4) (field 5)))))

;;; -- Logical pathnames --

(defun logical-pathname (x)
  "The logical pathname that a string, logical pathname or stream denotes (CLHS LOGICAL-PATHNAME)."
  (let ((pathname (cond ((stringp x)
                         (let ((end (length x)))
                           (multiple-value-bind (host colon) (%logical-prefix x 0 end)
                             (unless host (error 'type-error :datum x :expected-type 'logical-pathname))
                             (%parse-logical x (1+ colon) end host))))
                        (t (pathname x)))))
    (unless (%logical-pathname-p pathname) (error 'type-error :datum x :expected-type 'logical-pathname))
    pathname))

(defun %logical-host-entry (host)
  (or (assoc (string-upcase host) *logical-hosts* :test #'string=) (error "~S is not a logical host." host)))

(defun logical-pathname-translations (host)
  "The translations of a logical host, a list of (from to) (CLHS LOGICAL-PATHNAME-TRANSLATIONS)."
  (cdr (%logical-host-entry host)))

(defun (setf logical-pathname-translations) (translations host)
  (let* ((name (string-upcase host))
         (entry (or (assoc name *logical-hosts* :test #'string=)
                    (car (push (list name) *logical-hosts*)))))
    (setf (cdr entry)
          (mapcar (lambda (rule)
                    (list (if (stringp (first rule)) (%parse (first rule) 0 (length (first rule)) name) (pathname (first rule)))
                          (pathname (second rule))))
                  translations))
    translations))

(defun load-logical-pathname-translations (host)
  "True if translations were loaded, false if the host is defined already (CLHS LOAD-LOGICAL-PATHNAME-TRANSLATIONS): none can be found for others."
  (check-type host string)
  (if (assoc (string-upcase host) *logical-hosts* :test #'string=)
      nil
      (error "No translations for the logical host ~S can be found." host)))

(defun translate-logical-pathname (pathname &key)
  "The physical pathname that a logical one stands for; a physical one is returned as it is (CLHS TRANSLATE-LOGICAL-PATHNAME)."
  (let ((pathname (pathname pathname)))
    (if (%pathname-ref pathname 0) (%translate-logical pathname) pathname)))

;;; A delivered program in which no logical host can be has no logical pathnames: src/prim/needs.def.
(defun %translate-logical (pathname)
  (do ((steps 0 (1+ steps))) ((not (%pathname-ref pathname 0)) pathname)
    (let ((rule (find-if (lambda (rule) (pathname-match-p pathname (first rule)))
                         (logical-pathname-translations (%pathname-ref pathname 0)))))
      (unless rule (%file-error pathname "No translation for ~S." pathname))
      (when (> steps 100) (%file-error pathname "The translations of ~S do not end." pathname))
      (setq pathname (translate-pathname pathname (first rule) (second rule))))))

(defun %physical-pathname (designator)
  "The merged physical pathname of a file designator."
  (translate-logical-pathname (merge-pathnames designator *default-pathname-defaults* nil)))

;;; -- Files --

(defun %pathname-of-native (native kind)
  (ext:parse-native-namestring native :as-directory (eql kind 1)))

(defun %file-name (designator)
  "Physical pathname and native name of the one file that a designator denotes."
  (let ((pathname (%physical-pathname designator)))
    (when (wild-pathname-p pathname) (%file-error pathname "~A is wild." (namestring pathname)))
    (let ((native (ext:native-namestring pathname)))
      (values pathname (if (string= native "") "./" native)))))

(defun %true-name (native)
  (let ((real (%real-path native)))
    (when real (%pathname-of-native real (%file-status real)))))

(defun probe-file (pathname)
  "The truename of the file, or NIL if there is none (CLHS PROBE-FILE)."
  (multiple-value-bind (pathname native) (%file-name pathname)
    (declare (ignore pathname))
    (values (%true-name native))))

(defun truename (pathname)
  "The canonical pathname of a file that exists (CLHS TRUENAME)."
  (multiple-value-bind (pathname native) (%file-name pathname)
    (or (%true-name native) (%system-file-error "find" pathname 2))))

(defun delete-file (pathname)
  "Delete a file (CLHS DELETE-FILE); T."
  (multiple-value-bind (pathname native) (%file-name pathname)
    (multiple-value-bind (done number) (%delete-file native)
      (unless done (%system-file-error "delete" pathname number))
      t)))

(defun ext:delete-directory (pathname &key recursive)
  "Delete a directory; with RECURSIVE also what is in it.  FILE-ERROR if that is not possible."
  (multiple-value-bind (pathname native) (%file-name pathname)
    (when recursive
      (let ((prefix (if (char= (char native (1- (length native))) #\/) native (concatenate 'string native "/"))))
        (dolist (entry (values (%list-directory prefix)))
          (let ((name (concatenate 'string prefix (car entry))))
            (if (eql (cdr entry) 1)
                (ext:delete-directory (ext:parse-native-namestring name :as-directory t) :recursive t)
                (%delete-file name))))))
    (multiple-value-bind (done number) (%delete-directory native)
      (unless done (%system-file-error "delete the directory" pathname number))
      t)))

(defun rename-file (file new-name)
  "Give a file a new name, the missing parts of which are those of the old one: the new pathname, the old and the new truename (CLHS RENAME-FILE)."
  (let* ((old (truename file))
         (new (merge-pathnames new-name (merge-pathnames file) nil)))
    (when (wild-pathname-p new) (%file-error new "~A is wild." (namestring new)))
    (multiple-value-bind (done number) (%rename-file (ext:native-namestring old) (ext:native-namestring new))
      (unless done (%system-file-error "rename" (pathname file) number)))
    (values new old (truename new))))

(defun file-write-date (pathname)
  "Universal time of the last change of a file (CLHS FILE-WRITE-DATE)."
  (multiple-value-bind (pathname native) (%file-name pathname)
    (multiple-value-bind (kind size time) (%file-status native)
      (unless kind (%system-file-error "find" pathname size))
      (+ time 2208988800))))

(defun file-author (pathname)
  "Name of the owner of a file (CLHS FILE-AUTHOR)."
  (multiple-value-bind (pathname native) (%file-name pathname)
    (multiple-value-bind (owner number) (%file-owner native)
      (or owner (%system-file-error "find" pathname number)))))

(defun user-homedir-pathname (&optional host)
  "The user's home directory (CLHS USER-HOMEDIR-PATHNAME)."
  (declare (ignore host))
  (ext:parse-native-namestring (or (%home-directory) "/") :as-directory t))

(defun ext:current-directory ()
  "The process's working directory, a pathname; (SETF CURRENT-DIRECTORY) changes it."
  (ext:parse-native-namestring (%current-directory) :as-directory t))

(defun (setf ext:current-directory) (pathname)
  (multiple-value-bind (physical native) (%file-name pathname)
    (multiple-value-bind (done number) (%change-directory native)
      (unless done (%system-file-error "change to" physical number))
      pathname)))

(defun ensure-directories-exist (pathspec &key verbose (mode #o777))
  "Make the directories of the pathname that do not exist; the pathname, and whether any was made (CLHS ENSURE-DIRECTORIES-EXIST)."
  (let* ((pathname (%physical-pathname pathspec)) (directory (%pathname-ref pathname 2)) (made nil))
    (when (wild-pathname-p pathname :directory) (%file-error pathname "~A is wild." (namestring pathname)))
    (do ((n 2 (1+ n))) ((> n (length directory)))
      (let* ((part (%make-pathname nil nil (subseq directory 0 n) nil nil nil)) (native (ext:native-namestring part)))
        (unless (%file-status native)
          (when verbose (format *standard-output* "~&Making the directory ~A~%" native))
          (multiple-value-bind (done number) (%make-directory native mode)
            (unless (or done (%file-status native)) (%system-file-error "make the directory" part number)))
          (setq made t))))
    (values pathspec made)))

;;; -- DIRECTORY --

(defun %entries (native)
  "The entries of a directory, by name."
  (sort (values (%list-directory (if (string= native "") "." native))) #'string< :key #'car))

(defun %map-directories (prefix components function)
  "Calls the function with the native name of every directory below PREFIX (which ends in a slash or is empty) that the components match."
  (if (null components)
      (funcall function prefix)
      (let ((x (car components)))
        (flet ((below (name) (concatenate 'string prefix name "/")))
          (cond ((stringp x) (when (eql (%file-status (below x)) 1) (%map-directories (below x) (cdr components) function)))
                ((member x '(:up :back)) (%map-directories (below "..") (cdr components) function))
                ((eq x :wild-inferiors)
                 (%map-directories prefix (cdr components) function)
                 (dolist (entry (%entries prefix))
                   (when (eql (cdr entry) 1) (%map-directories (below (car entry)) components function))))
                (t (dolist (entry (%entries prefix))
                     (when (and (member (cdr entry) '(1 2)) (not (eq (%match-component (car entry) x) :no)))
                       (%map-directories (below (car entry)) (cdr components) function)))))))))

(defun %matching-entries (prefix name type function)
  "Calls the function with the native names of the entries of a directory that match name and type."
  (dolist (entry (%entries prefix))
    (multiple-value-bind (entry-name entry-type) (%name-and-type (car entry) 0 (length (car entry)) #'subseq)
      (when (and (not (eq (%match-component entry-name (or name :wild)) :no))
                 (if (null type) (null entry-type) (not (eq (%match-component entry-type type) :no)))
                 (or entry-type (null type) (eq type :wild)))
        (funcall function (concatenate 'string prefix (car entry)))))))

(defun directory (pathspec &key (resolve-symlinks t))
  "Truenames of all files that match the pathname (CLHS DIRECTORY), directories in the form of directories.
With RESOLVE-SYMLINKS false, links are named themselves instead of what they point to."
  (let* ((pathname (translate-logical-pathname (merge-pathnames pathspec *default-pathname-defaults* nil)))
         (directory (%pathname-ref pathname 2)) (name (%pathname-ref pathname 3)) (type (%pathname-ref pathname 4))
         (found nil))
    (labels ((collect (native)
               (let ((kind (%file-status native)))
                 (when kind
                   (push (if resolve-symlinks (%true-name native) (%pathname-of-native native kind)) found))))
             (visit (prefix)
               (cond ((and (null name) (null type)) (collect (if (string= prefix "") "." prefix)))
                     ((or (wild-pathname-p pathname :name) (wild-pathname-p pathname :type))
                      (%matching-entries prefix name type #'collect))
                     (t (collect (concatenate 'string prefix (%with-text (out) (%write-file-name pathname out t))))))))
      (%map-directories (if (eq (car directory) :absolute) "/" "") (cdr directory) #'visit))
    (remove-duplicates (nreverse found) :test #'equal :from-end t)))
