"""Scenarios of what runs beside a cell or behind its back: patches, handlers, threads, texts that are run, pipes."""

from __future__ import annotations

from tests.capture.slicing.scenario import Scenario

# fmt: off
BESIDE = [
    Scenario("csv dialect in function", [
        'import csv, io', "def setup_d(): csv.register_dialect('semi', delimiter=';')", 'setup_d()', 'u=1',
        "result=list(csv.reader(io.StringIO('a;b'), 'semi'))",
    ], [0, 1, 2], "list(list('a', 'b'))"),
    Scenario("csv dialect from import", [
        'from csv import register_dialect, reader\nimport io', "register_dialect('semi2', delimiter=';')", 'u=1',
        "result=list(reader(io.StringIO('a;b'), 'semi2'))",
    ], [0, 1], "list(list('a', 'b'))"),
    Scenario("Number.register class import", [
        'from numbers import Number', 'class N: pass', 'Number.register(N)', 'u=1', 'result=isinstance(N(), Number)',
    ], [0, 1, 2], 'True'),
    Scenario("patch in function", [
        'import textwrap', "def p(): textwrap.dedent=lambda o:'X'", 'p()', 'u=1', "result=textwrap.dedent('  a')",
    ], [0, 1, 2], "'X'"),
    Scenario("patch class by argument", [
        'import json', "def p(cls): cls.default=lambda s,o: 'D'", 'p(json.JSONEncoder)', 'u=1',
        'result=json.dumps(object())',
    ], [0, 1, 2], '\'"D"\''),
    Scenario("patch class via __class__", [
        'import json', 'enc=json.JSONEncoder()', "enc.__class__.default=lambda s,o:'T'", 'u=1',
        'result=json.dumps(object())',
    ], [0, 1, 2], '\'"T"\''),
    Scenario("mock patch object stop", [
        'from unittest import mock\nimport json',
        "p=mock.patch.object(json.JSONEncoder,'default',lambda s,o:'M'); a=p.start()", 'p.stop()', 'u=1',
        "try: result=(json.dumps(object()), a is None)\nexcept TypeError: result=('err', a is None)",
    ], [0, 1, 2], "tuple('err', False)"),
    Scenario("decorated library function", [
        'import math, functools',
        'calls=[]\n'
        'def spy(f):\n'
        '    @functools.wraps(f)\n'
        '    def w(*a):\n'
        '        calls.append(a); return f(*a)\n'
        '    return w',
        'math.sqrt=spy(math.sqrt)', 'math.sqrt(4)', 'u=1', 'result=list(calls)',
    ], [0, 1, 2, 3], 'list(tuple(4))'),
    Scenario("codecs error handler with name", [
        'import codecs', "codecs.register_error('mine', lambda e: (sub, e.end))", "sub='?'", "sub='!'", 'u=1',
        "result='é'.encode('ascii','mine')",
    ], [0, 1, 2, 3], "b'!'"),
    Scenario("logging own handler root", [
        'import logging\nlog=[]', 'class H(logging.Handler):\n    def emit(s,r): log.append(r.getMessage())',
        'logging.getLogger().addHandler(H())', "logging.warning('one')", 'u=1', 'result=list(log)',
    ], [0, 1, 2, 3], "list('one')"),
    Scenario("logging handler level by index", [
        'import logging, io\nbuf=io.StringIO()', "logging.getLogger('hh').addHandler(logging.StreamHandler(buf))",
        "logging.getLogger('hh').handlers[0].setLevel(50)", "logging.getLogger('hh').warning('no')",
        "logging.getLogger('hh').critical('yes')", 'result=buf.getvalue()',
    ], [0, 1, 2, 4], "'yes\\n'"),
    Scenario("showwarning own", [
        'import warnings\nlog=[]', 'def sw(*a): log.append(str(a[0]))', 'warnings.showwarning=sw',
        "warnings.simplefilter('always')", "warnings.warn('w1')", 'u=1', 'result=list(log)',
    ], [0, 1, 2, 3, 4], "list('w1')"),
    Scenario("catch_warnings entered", [
        'import warnings', 'c=warnings.catch_warnings(record=True); w=c.__enter__()',
        "warnings.simplefilter('always')", "warnings.warn('a')", 'c.__exit__(None,None,None)', 'u=1',
        'result=[str(x.message) for x in w]',
    ], [0, 1, 2, 3, 4], "list('a')"),
    Scenario("umask", [
        'import os', 'os.umask(0o077)', 'u=1',
        "open('m.txt','w').close()\nresult=oct(os.stat('m.txt').st_mode & 0o777)",
    ], [0, 1], "'0o600'"),
    Scenario("tzset", [
        'import os, time', "os.environ['TZ']='Asia/Tokyo'", 'time.tzset()', 'u=1',
        'result=time.localtime(0).tm_hour',
    ], [0, 1, 2], '9'),
    Scenario("sys.stdin replaced", [
        'import sys, io', "sys.stdin=io.StringIO('5\\n6\\n')", 'a=sys.stdin.readline()', 'u=1',
        'result=sys.stdin.readline()',
    ], [0, 1, 2], "'6\\n'"),
    Scenario("stdin replaced, input()", [
        'import sys, io, builtins', "it=iter(['5','6'])\nbuiltins.input=lambda *a: next(it)", 'a=input()', 'u=1',
        'result=input()',
    ], [0, 1, 2, 3], "'6'"),
    Scenario("signal handler with log", [
        'import signal, os\nlog=[]', 'signal.signal(signal.SIGUSR1, lambda s,f: log.append(s))',
        'os.kill(os.getpid(), signal.SIGUSR1)', 'u=1', 'result=len(log)',
    ], [0, 1, 2], '1'),
    Scenario("threading Timer", [
        'import threading, time\nlog=[]', 'threading.Timer(0.05, log.append, [1]).start()', 'time.sleep(0.3)', 'u=1',
        'result=list(log)',
    ], [0, 1, 2], 'list(1)'),
    Scenario("thread appends while another cell waits", [
        'import threading, time\nlog=[]\ngo=threading.Event()', 'def w():\n    go.wait(); log.append(1)',
        't=threading.Thread(target=w,daemon=True); t.start()', 'go.set(); time.sleep(0.2)', 'u=1',
        'result=list(log)',
    ], [0, 1, 2, 3], 'list(1)'),
    Scenario("executor future later", [
        'from concurrent.futures import ThreadPoolExecutor\nimport time\nlog=[]', 'ex=ThreadPoolExecutor(1)',
        'def w(x): time.sleep(0.05); log.append(x); return x', 'f=ex.submit(w,3)', 'f.result()', 'u=1',
        'result=list(log)',
    ], [0, 1, 2, 3, 4], 'list(3)'),
    Scenario("async task in unrelated await", [
        'import asyncio\nlog=[]',
        'async def w():\n    for i in range(3):\n        log.append(i); await asyncio.sleep(0)',
        't=asyncio.ensure_future(w()) if False else None',
        'async def go():\n    global t\n    t=asyncio.create_task(w())\nawait go()', 'await asyncio.sleep(0.02)',
        'u=1', 'result=list(log)',
    ], [0, 1, 3, 4], 'list(0, 1, 2)'),
    Scenario("gc collect cycle", [
        "import gc\nlog=[]\nclass A:\n    def __del__(s): log.append('d')", 'a=A(); a.me=a', 'del a', 'gc.collect()',
        'u=1', 'result=list(log)',
    ], [0, 1, 2, 3], "list('d')"),
    Scenario("weakref rebind", [
        'import weakref\nclass C: pass', 'c=C()', 'r=weakref.ref(c)', 'c=5', 'u=1', 'result=r() is None',
    ], [0, 1, 2, 3], 'True'),
    Scenario("lock state", [
        'import threading', 'lk=threading.Lock()', 'lk.acquire()', 'u=1', 'result=lk.locked()',
    ], [0, 1, 2], 'True'),
    Scenario("user_ns append", [
        'a=[1]', "get_ipython().user_ns['a'].append(2)", 'u=1', 'result=a',
    ], [0, 1], 'list(1, 2)'),
    Scenario("main module attr append", [
        'import __main__', 'a=[1]', '__main__.a.append(2)', 'u=1', 'result=a',
    ], [0, 1, 2], 'list(1, 2)'),
    Scenario("function globals", [
        'def f(): pass', 'a=[1]', "f.__globals__['a'].append(2)", 'u=1', 'result=a',
    ], [0, 1, 2], 'list(1, 2)'),
    Scenario("eval call text", [
        "def expr(): return 'k'+'9'", 'k9=3', 'u=1', 'result=eval(expr())',
    ], [0, 1, 2], '3'),
    Scenario("eval in comprehension", [
        "es=['aa','bb']", 'aa=1; bb=2', 'u=1', 'result=[eval(e) for e in es]',
    ], [0, 1, 2], 'list(1, 2)'),
    Scenario("timeit setup from main", [
        'import timeit\nlog=[]', 'def f(): log.append(1)', "timeit.timeit('f()','from __main__ import f',number=2)",
        'u=1', 'result=len(log)',
    ], [0, 1, 2], '2'),
    Scenario("unittest main", [
        'import unittest\nlog=[]', 'class T(unittest.TestCase):\n    def test_a(self): log.append(k)', 'k=5',
        "unittest.main(argv=['x'],exit=False,verbosity=0)", 'u=1', 'result=list(log)',
    ], [0, 1, 2, 3], 'list(5)'),
    Scenario("get_type_hints", [
        'import typing', "def f(x: 'Foo'): return x", 'class Foo: v=1', 'u=1',
        "result=typing.get_type_hints(f)['x'].v",
    ], [0, 1, 2], '1'),
    Scenario("pickle file class", [
        'import pickle\nclass A:\n    v=1', "pickle.dump(A(), open('a.pkl','wb'))", 'class A:\n    v=2', 'u=1',
        "result=pickle.load(open('a.pkl','rb')).v",
    ], [0, 1, 2], '2'),
    Scenario("Out in function", [
        '1+1', 'def prev(): return Out[1]', 'u=1', 'result=prev()',
    ], [0, 1], '2'),
    Scenario("user __file__", [
        "__file__='nb.py'", 'u=1', 'result=__file__',
    ], [0], "'nb.py'"),
    Scenario("user open", [
        "def open(p): return 'mine '+p", 'u=1', "result=open('x')",
    ], [0], "'mine x'"),
    Scenario("shadow deleted", [
        'a=1; sum=lambda v: 99', 'del sum', 'u=1', 'result=sum([1])+a',
    ], [0, 1], '2'),
    Scenario("sys.last_value", [
        'import sys', 'x=1/0', 'u=1', 'result=type(sys.last_value).__name__',
    ], [0, 1], "'ZeroDivisionError'"),
    Scenario("exit code", [
        '!false', 'u=1', 'result=_exit_code',
    ], [0], '1'),
    Scenario("submodule by from import", [
        'from wsgiref import validate', 'import wsgiref', 'u=1', 'result=wsgiref.validate.__name__',
    ], [0, 1], "'wsgiref.validate'"),
    Scenario("import after edit keeps cached", [
        '%%writefile mmq.py\nV=1', 'import mmq', '%%writefile mmq.py\nV=22', 'from mmq import V', 'result=V',
    ], [0, 1, 2, 3], '1'),
    Scenario("local module getattr", [
        "open('mmw.py','w').write('A=1')", 'import mmw', "mmw.__getattr__=lambda n: n+'!'", 'u=1', 'result=mmw.hey',
    ], [0, 1, 2], "'hey!'"),
    Scenario("save and run", [
        'x=3', 'y=x+1', '%save -f sess.py 1-2', 'del x, y', '%run sess.py', 'result=y',
    ], [0, 1, 2, 4], '4'),
    Scenario("slots swap", [
        "class P:\n    __slots__=('a','b')", 'p=P(); p.a=1', 'p.b=p.a; del p.a', 'u=1', "result=hasattr(p,'b')",
    ], [0, 1, 2], 'True'),
    Scenario("long text to bytes", [
        "box=['a'*6000]", 'box[0]=box[0].encode()', 'u=1', 'result=type(box[0]).__name__',
    ], [0, 1], "'bytes'"),
    Scenario("function doc", [
        "def f(): 'old'", "f.__doc__='new'", 'u=1', 'result=f.__doc__',
    ], [0, 1], "'new'"),
    Scenario("class doc", [
        "class A: 'old'", "A.__doc__='new'", 'u=1', 'result=A.__doc__',
    ], [0, 1], "'new'"),
    Scenario("cmp_to_key", [
        'import functools', 'def c(a,b): return (a>b)-(a<b) if up else (b>a)-(b<a)', 'up=True',
        'key=functools.cmp_to_key(c)', 'up=False', 'result=sorted([1,3,2],key=key)',
    ], [0, 1, 2, 3, 4], 'list(3, 2, 1)'),
    Scenario("generator finalised by rebinding", [
        "log=[]\ndef g():\n    try:\n        yield 1\n    finally: log.append('fin')", 'x=g(); next(x)', 'x=None',
        'u=1', 'result=log',
    ], [0, 1, 2], "list('fin')"),
    Scenario("comprehension in class body", [
        'k=3', 'class A:\n    ys=[k*i for i in range(2)]', 'k=9', 'result=A.ys',
    ], [0, 1], 'list(0, 3)'),
    Scenario("os pipe", [
        'import os\nr,w=os.pipe()', "os.write(w,b'xy')", 'os.read(r,1)', 'u=1', 'result=os.read(r,1)',
    ], [0, 1, 2], "b'y'"),
    Scenario("socketpair", [
        'import socket\na,b=socket.socketpair(); b.settimeout(2); a.settimeout(2)', "a.send(b'hi')", 'b.recv(1)',
        'u=1', 'result=b.recv(1)',
    ], [0, 1, 2], "b'i'"),
    Scenario("sqlite function with name", [
        "import sqlite3\nc=sqlite3.connect(':memory:')", "c.create_function('f',1,lambda v: v*k)", 'k=2', 'k=5',
        'u=1', "result=c.execute('select f(3)').fetchone()[0]",
    ], [0, 1, 3], '15'),
    Scenario("handle flushed by rebinding", [
        "f=open('x.txt','w')", "f.write('ab')", 'f=None', 'u=1', "result=open('x.txt').read()",
    ], [0, 1, 2], "'ab'"),
    Scenario("append in function", [
        "def log(t):\n    with open('l.txt','a') as f: f.write(t)", "log('1')", "log('2')", 'u=1',
        "result=open('l.txt').read()",
    ], [0, 1, 2], "'12'"),
    Scenario("exception chained keeps context", [
        'xs=[1]',
        'try:\n    try: 1/0\n    except Exception as e: raise KeyError(xs) from e\nexcept KeyError as k: err=k',
        "err.__cause__.note='n'", 'u=1', 'result=err.__cause__.note',
    ], [0, 1, 2], "'n'"),
    Scenario("contextvar token stored", [
        "import contextvars\ncv=contextvars.ContextVar('c3',default=[])", 'cv.get().append(1)', 'u=1',
        'result=cv.get()',
    ], [0, 1], 'list(1)'),
    Scenario("timeit Timer object", [
        'import timeit\nout=[]\nt=timeit.Timer(lambda: out.append(1))', 't.timeit(2)', 'u=1', 'result=len(out)',
    ], [0, 1], '2'),
    Scenario("magic reading var text", [
        "code='zz9=3'", "get_ipython().run_cell_magic('capture','',code)", 'u=1', 'result=zz9',
    ], [0, 1], '3'),
    Scenario("chmod", [
        "import os\nopen('cm','w').write('a')", "os.chmod('cm',0o400)", 'u=1',
        "result=oct(os.stat('cm').st_mode&0o777)",
    ], [0, 1], "'0o400'"),
]
