;;; lists.lisp: lists (CLHS 14): what calls keys, tests and predicates; the mapping functions.
;;;
;;; Every function that looks for an item has two ways.  Without a key, and with EQ, EQL, EQUAL or EQUALP for its test, a leaf does it, to
;;; which the test is given as a code (%TEST-CODE).  Otherwise item, key and test become one predicate of an element (%MATCHER), and the
;;; function is its own -IF variant.  Compiler macros choose the leaf at compile time where the keywords are constant.
;;;
;;; The set functions make a membership test once (%MEMBERSHIP): of a long list, under one of the four tests, it is a hash table.
;;;
;;; The end of a list is met by NULL, and CAR of a dotted end is the TYPE-ERROR that the standard asks for.

(in-package "SYS")

;;; -- Tests, keys, predicates --

(defun %two-argument-test (test test-not)
  "The function of two arguments that :TEST and :TEST-NOT mean."
  (cond (test-not
         (if test (error 'simple-program-error :format-control ":TEST and :TEST-NOT are both given." :format-arguments nil))
         (lambda (x y) (not (funcall test-not x y))))
        (test test)
        (t #'eql)))

(defun %matcher (item key test test-not)
  "The function of one argument that tells whether an element matches ITEM."
  (let ((code (if test-not nil (%test-code test))))
    (cond ((eql code 1)
           (if key (lambda (x) (eq item (funcall key x))) (lambda (x) (eq item x))))
          ((eql code 0)
           (if key (lambda (x) (eql item (funcall key x))) (lambda (x) (eql item x))))
          (test-not
           (if test (%two-argument-test test test-not))
           (if key
               (lambda (x) (not (funcall test-not item (funcall key x))))
               (lambda (x) (not (funcall test-not item x)))))
          (key (lambda (x) (funcall test item (funcall key x))))
          (t (lambda (x) (funcall test item x))))))

(defun %keyed (predicate key)
  "PREDICATE applied to the key of its argument."
  (if key (lambda (x) (funcall predicate (funcall key x))) predicate))

(defun %keyed-not (predicate key)
  (if key
      (lambda (x) (not (funcall predicate (funcall key x))))
      (lambda (x) (not (funcall predicate x)))))

(defun %constant-test (keys)
  "The code of the test that constant keyword arguments mean; NIL if there is more to them than a test with a code."
  (cond ((null keys) 0)
        ((and (eq (car keys) :test) (consp (cdr keys)) (null (cddr keys)))
         (let ((test (cadr keys)))
           (cond ((and (consp test) (memq (car test) '(quote function)))
                  (cdr (assq (cadr test) '((eql . 0) (eq . 1) (equal . 2) (equalp . 3))))))))))

(defmacro %define-fast-call (name leaf &rest more)
  "Calls of NAME (item sequence) with a constant test, or none, become calls of LEAF with the test's code and the arguments MORE."
  `(define-compiler-macro ,name (&whole form item sequence &rest keys)
     (let ((code (%constant-test keys)))
       (if code (list ',leaf code item sequence ,@more) form))))

;;; -- MEMBER, ASSOC, RASSOC, ADJOIN --

(defun %member-if (predicate list)
  (do ((tail list (cdr tail)))
      ((null tail) nil)
    (if (funcall predicate (car tail)) (return tail))))

(defun member (item list &key key test test-not)
  "The tail of LIST that begins with the first element that matches ITEM (CLHS 14.2)."
  (let ((code (if (or key test-not) nil (%test-code test))))
    (if code
        (%member code item list)
        (%member-if (%matcher item key test test-not) list))))

(defun member-if (predicate list &key key) (%member-if (%keyed predicate key) list))
(defun member-if-not (predicate list &key key) (%member-if (%keyed-not predicate key) list))

(defun %assoc-if (predicate alist)
  (do ((tail alist (cdr tail)))
      ((null tail) nil)
    (let ((pair (car tail)))
      (if (and pair (funcall predicate (car pair))) (return pair)))))

(defun %rassoc-if (predicate alist)
  (do ((tail alist (cdr tail)))
      ((null tail) nil)
    (let ((pair (car tail)))
      (if (and pair (funcall predicate (cdr pair))) (return pair)))))

(defun assoc (item alist &key key test test-not)
  "The first pair of ALIST whose CAR matches ITEM (CLHS 14.2)."
  (let ((code (if (or key test-not) nil (%test-code test))))
    (if code
        (%assoc code item alist)
        (%assoc-if (%matcher item key test test-not) alist))))

(defun assoc-if (predicate alist &key key) (%assoc-if (%keyed predicate key) alist))
(defun assoc-if-not (predicate alist &key key) (%assoc-if (%keyed-not predicate key) alist))

(defun rassoc (item alist &key key test test-not)
  "The first pair of ALIST whose CDR matches ITEM (CLHS 14.2)."
  (let ((code (if (or key test-not) nil (%test-code test))))
    (if code
        (%rassoc code item alist)
        (%rassoc-if (%matcher item key test test-not) alist))))

(defun rassoc-if (predicate alist &key key) (%rassoc-if (%keyed predicate key) alist))
(defun rassoc-if-not (predicate alist &key key) (%rassoc-if (%keyed-not predicate key) alist))

(defun adjoin (item list &key key test test-not)
  "LIST with ITEM before it, unless there is an element with a matching key (CLHS 14.2)."
  (let ((code (if (or key test-not) nil (%test-code test))))
    (cond (code (%adjoin code item list))
          ((%member-if (%matcher (if key (funcall key item) item) key test test-not) list) list)
          (t (cons item list)))))

(%define-fast-call member %member)
(%define-fast-call assoc %assoc)
(%define-fast-call rassoc %rassoc)
(%define-fast-call adjoin %adjoin)

(defun make-list (size &key initial-element)
  "A fresh list of SIZE times INITIAL-ELEMENT (CLHS 14.2)."
  (%make-list size initial-element))

;;; -- Sets --

(defun %keys (list key)
  (if key
      (let ((keys nil))
        (dolist (x list (%nreverse-list keys)) (push (funcall key x) keys)))
      list))

(defun %membership (list key test test-not flip)
  "A function of one argument, a key: whether an element of LIST has a matching one.  FLIP: the list's key is the test's first argument."
  (let ((code (if test-not nil (%test-code test))) (keys (%keys list key)))
    (cond ((and code (nthcdr 24 keys))
           (let ((table (%make-hash-table code nil 32 0 nil nil nil nil nil)))
             (dolist (x keys) (%puthash x table t))
             (lambda (x) (gethash x table))))
          (code (lambda (x) (%member code x keys)))
          (t (let ((test (%two-argument-test test test-not)))
               (if flip
                   (lambda (x) (dolist (y keys nil) (if (funcall test y x) (return t))))
                   (lambda (x) (dolist (y keys nil) (if (funcall test x y) (return t))))))))))

(defun %select (list key member wanted rest)
  "The elements of LIST that are members, or are not if WANTED is NIL, before REST."
  (dolist (x list rest)
    (if (funcall member (if key (funcall key x) x))
        (if wanted (push x rest))
        (if wanted nil (push x rest)))))

(defun union (list-1 list-2 &key key test test-not)
  "A list of the elements of both lists (CLHS 14.2)."
  (if (null list-1)
      (%check-list list-2)
      (%select list-1 key (%membership list-2 key test test-not nil) nil list-2)))

(defun %check-list (x)
  (endp x)
  x)

(defun intersection (list-1 list-2 &key key test test-not)
  "A list of the elements of LIST-1 that LIST-2 has too (CLHS 14.2)."
  (%select list-1 key (%membership list-2 key test test-not nil) t nil))

(defun set-difference (list-1 list-2 &key key test test-not)
  "A list of the elements of LIST-1 that LIST-2 has not (CLHS 14.2)."
  (%select list-1 key (%membership list-2 key test test-not nil) nil nil))

(defun set-exclusive-or (list-1 list-2 &key key test test-not)
  "A list of the elements that are in one list only (CLHS 14.2)."
  (%select list-1 key (%membership list-2 key test test-not nil) nil
           (%select list-2 key (%membership list-1 key test test-not t) nil nil)))

(defun subsetp (list-1 list-2 &key key test test-not)
  "Whether LIST-2 has every element of LIST-1 (CLHS 14.2)."
  (let ((member (%membership list-2 key test test-not nil)))
    (dolist (x list-1 t)
      (if (funcall member (if key (funcall key x) x)) nil (return nil)))))

(defun nunion (list-1 list-2 &key key test test-not)
  (union list-1 list-2 :key key :test test :test-not test-not))
(defun nintersection (list-1 list-2 &key key test test-not)
  (intersection list-1 list-2 :key key :test test :test-not test-not))
(defun nset-difference (list-1 list-2 &key key test test-not)
  (set-difference list-1 list-2 :key key :test test :test-not test-not))
(defun nset-exclusive-or (list-1 list-2 &key key test test-not)
  (set-exclusive-or list-1 list-2 :key key :test test :test-not test-not))

;;; -- Trees: recursion goes down CARs only --

;;; A replacer is a function of a part of a tree: two values, what replaces the part and whether it is to be replaced.

(defun %subst (replacer tree)
  "A copy of TREE with its parts replaced."
  (let ((head nil) (last nil))
    (loop
      (multiple-value-bind (new found) (funcall replacer tree)
        (if (or found (atom tree))
            (let ((end (if found new tree)))
              (return (if last (progn (rplacd last end) head) end))))
        (let ((cell (list (%subst replacer (car tree)))))
          (if last (rplacd last cell) (setq head cell))
          (setq last cell tree (cdr tree)))))))

(defun %nsubst (replacer tree)
  "TREE with its parts replaced in place."
  (let ((head tree) (last nil))
    (loop
      (multiple-value-bind (new found) (funcall replacer tree)
        (if found (if last (rplacd last new) (setq head new)))
        (if (or found (atom tree)) (return head))
        (rplaca tree (%nsubst replacer (car tree)))
        (setq last tree tree (cdr tree))))))

(defun %replacer (new predicate)
  (lambda (x) (if (funcall predicate x) (values new t) (values nil nil))))

(defun subst (new old tree &key key test test-not)
  "A copy of TREE with NEW for every part that matches OLD (CLHS 14.2)."
  (let ((code (if (or key test-not) nil (%test-code test))))
    (if code
        (%subst-leaf code new old tree)
        (%subst (%replacer new (%matcher old key test test-not)) tree))))
(defun subst-if (new predicate tree &key key) (%subst (%replacer new (%keyed predicate key)) tree))
(defun subst-if-not (new predicate tree &key key) (%subst (%replacer new (%keyed-not predicate key)) tree))
(defun nsubst (new old tree &key key test test-not)
  (%nsubst (%replacer new (%matcher old key test test-not)) tree))
(defun nsubst-if (new predicate tree &key key) (%nsubst (%replacer new (%keyed predicate key)) tree))
(defun nsubst-if-not (new predicate tree &key key) (%nsubst (%replacer new (%keyed-not predicate key)) tree))

(defun %alist-replacer (alist key test test-not)
  (let ((code (if test-not nil (%test-code test))))
    (lambda (x)
      (let* ((x (if key (funcall key x) x))
             (pair (if code (%assoc code x alist) (assoc x alist :test test :test-not test-not))))
        (if pair (values (cdr pair) t) (values nil nil))))))

(defun sublis (alist tree &key key test test-not)
  "A copy of TREE with every part that matches a key of ALIST replaced by its datum (CLHS 14.2)."
  (%subst (%alist-replacer alist key test test-not) tree))
(defun nsublis (alist tree &key key test test-not)
  (%nsubst (%alist-replacer alist key test test-not) tree))

(defun %tree-equal (a b test)
  (loop
    (cond ((and (consp a) (consp b))
           (if (%tree-equal (car a) (car b) test)
               (setq a (cdr a) b (cdr b))
               (return nil)))
          ((or (consp a) (consp b)) (return nil))
          (t (return (if (funcall test a b) t nil))))))

(defun tree-equal (tree-1 tree-2 &key test test-not)
  "Whether the trees have the same shape and matching leaves (CLHS 14.2)."
  (%tree-equal tree-1 tree-2 (%two-argument-test test test-not)))

;;; -- Mapping --

(defun %cars (lists)
  "The CARs of lists, and whether none of the lists was at its end."
  (let ((cars nil))
    (dolist (l lists (values (%nreverse-list cars) t))
      (if (null l) (return (values nil nil)))
      (push (car l) cars))))

(defun %map-cars (function lists collect)
  "Calls FUNCTION with the elements of LISTS and COLLECT, unless NIL, with each result."
  (let ((lists (copy-list lists)))
    (loop
      (multiple-value-bind (cars more) (%cars lists)
        (if (not more) (return))
        (do ((l lists (cdr l))) ((null l)) (rplaca l (cdar l)))
        (let ((result (apply function cars)))
          (if collect (funcall collect result)))))))

(defun %map-tails (function lists collect)
  (let ((lists (copy-list lists)))
    (loop
      (dolist (l lists) (if (endp l) (return-from %map-tails nil)))
      (let ((result (apply function lists)))
        (if collect (funcall collect result)))
      (setq lists (%mapcar #'cdr lists)))))

;;; With more than two lists the results are collected by a closure, in functions apart, so that the variable of the others stays in a register.

(defun %collect-cars (function lists)
  "The values of FUNCTION for the elements of the lists, in reverse order."
  (let ((result nil))
    (%map-cars function lists (lambda (x) (setq result (cons x result))))
    result))

(defun %collect-tails (function lists)
  (let ((result nil))
    (%map-tails function lists (lambda (x) (setq result (cons x result))))
    result))

(defun mapc (function list &rest more)
  "Calls FUNCTION with the elements of the lists; returns the first list (CLHS 14.2)."
  (if more
      (%map-cars function (cons list more) nil)
      (do ((l list (cdr l))) ((endp l)) (funcall function (car l))))
  list)

(defun mapcar (function list &rest more)
  "The list of the values of FUNCTION for the elements of the lists (CLHS 14.2)."
  (let ((result nil))
    (cond ((null more)
           (do ((l list (cdr l))) ((endp l)) (setq result (cons (funcall function (car l)) result))))
          ((null (cdr more))
           (do ((l list (cdr l)) (m (car more) (cdr m)))
               ((or (endp l) (endp m)))
             (setq result (cons (funcall function (car l) (car m)) result))))
          (t (setq result (%collect-cars function (cons list more)))))
    (%nreverse-list result)))

(defun %nconc-all (results)
  "NCONC of the lists in RESULTS, which are in reverse order."
  (let ((joined nil))
    (dolist (x results joined)
      (if joined
          (if x (setq joined (nconc x joined)))
          (setq joined x)))))

(defun mapcan (function list &rest more)
  "NCONC of the values of FUNCTION for the elements of the lists (CLHS 14.2)."
  (let ((results nil))
    (if more
        (setq results (%collect-cars function (cons list more)))
        (do ((l list (cdr l))) ((endp l)) (setq results (cons (funcall function (car l)) results))))
    (%nconc-all results)))

(defun mapl (function list &rest more)
  "Calls FUNCTION with the lists and their tails; returns the first list (CLHS 14.2)."
  (%map-tails function (cons list more) nil)
  list)

(defun maplist (function list &rest more)
  "The list of the values of FUNCTION for the lists and their tails (CLHS 14.2)."
  (%nreverse-list (%collect-tails function (cons list more))))

(defun mapcon (function list &rest more)
  "NCONC of the values of FUNCTION for the lists and their tails (CLHS 14.2)."
  (%nconc-all (%collect-tails function (cons list more))))

;;; A lambda expression that is mapped over one or two lists becomes the body of a loop.

(defun %lambda-expression (form)
  "The lambda expression that the form is, as itself or by FUNCTION; or NIL."
  (let ((form (if (and (consp form) (eq (car form) 'function) (consp (cdr form))) (cadr form) form)))
    (if (and (consp form) (eq (car form) 'lambda)) form nil)))

(defun %expand-map (lambda lists collect)
  "A loop over LISTS, one or two forms.  It makes no block, which would take RETURNs of the lambda expression."
  (let* ((a (make-symbol "LIST")) (b (if (cdr lists) (make-symbol "LIST") nil))
         (result (make-symbol "RESULT")) (next (make-symbol "NEXT")) (done (make-symbol "DONE"))
         (call `(,lambda (car ,a) ,@(if b `((car ,b))))))
    `(let ((,a ,(car lists)) ,@(if b `((,b ,(cadr lists)))) (,result nil))
       ,@(if collect nil `((setq ,result ,a)))
       (tagbody
          ,next
          (if (endp ,a) (go ,done))
          ,@(if b `((if (endp ,b) (go ,done))))
          ,(if collect `(setq ,result (cons ,call ,result)) call)
          (setq ,a (cdr ,a))
          ,@(if b `((setq ,b (cdr ,b))))
          (go ,next)
          ,done)
       ,(if collect (list collect result) result))))

(defmacro %define-map-expansion (name collect)
  `(define-compiler-macro ,name (&whole form function list &rest more)
     (let ((lambda (%lambda-expression function)))
       (if (and lambda (null (cdr more)))
           (%expand-map lambda (cons list more) ',collect)
           form))))

(%define-map-expansion mapc nil)
(%define-map-expansion mapcar %nreverse-list)
(%define-map-expansion mapcan %nconc-all)
