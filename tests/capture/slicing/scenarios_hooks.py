"""Scenarios of what acts without being named: finalisers, hooks, histories, registries, tasks, libraries' switches."""

from __future__ import annotations

from tests.capture.slicing.scenario import Scenario

# fmt: off
HOOKS_LIGHT = [
    Scenario("finalize", [
        "import weakref\nlog=[]\nclass A: pass", "a=A()", "f=weakref.finalize(a, log.append, 'bye')", "u=1", "del a",
        "w=2", "result=list(log)",
    ], [0, 1, 2, 4], "list('bye')"),
    Scenario("finalize called by hand", [
        "import weakref\nlog=[]\nclass A: pass", "a=A()", "f=weakref.finalize(a, log.append, 7)", "u=1", "f()",
        "result=(list(log), f.alive)",
    ], [0, 1, 2, 4], "tuple(list(7), False)"),
    Scenario("finalize detached", [
        "import weakref\nlog=[]\nclass A: pass", "a=A()", "f=weakref.finalize(a, log.append, 7)", "f.detach()",
        "del a", "result=list(log)",
    ], [0, 1, 2, 3], "list()"),
    Scenario("finalize of an inner object", [
        "import weakref\nlog=[]\nclass A: pass", "box=[A()]", "weakref.finalize(box[0], log.append, 'x')", "u=1",
        "box.clear()", "result=list(log)",
    ], [0, 1, 2, 4], "list('x')"),
    Scenario("finalize on rebinding", [
        "import weakref\nlog=[]\nclass A: pass", "a=A()", "_=weakref.finalize(a, lambda: log.append(len(log)))",
        "a=A()", "u=3", "result=list(log)",
    ], [0, 1, 2, 3], "list(0)"),
    Scenario("weakref callback", [
        "import weakref\nlog=[]\nclass A: pass", "a=A()", "r=weakref.ref(a, lambda _: log.append('gone'))", "u=1",
        "a=None", "result=list(log)",
    ], [0, 1, 2, 4], "list('gone')"),
    Scenario("events register post", [
        "log=[]", "ip=get_ipython()\ndef hook(*a): log.append(len(log))",
        "ip.events.register('post_run_cell', hook)", "x=1", "y=2", "result=len(log)",
    ], [0, 1, 2, 3, 4], "3"),
    Scenario("events register pre", [
        "state={'n':0}", "def pre(info): state['n']+=1", "get_ipython().events.register('pre_run_cell', pre)", "x=1",
        "y=2", "result=state['n']",
    ], [0, 1, 2, 3, 4], "3"),
    Scenario("events unregistered", [
        "log=[]", "def hook(*a): log.append(1)", "get_ipython().events.register('post_run_cell', hook)", "x=1",
        "get_ipython().events.unregister('post_run_cell', hook)", "y=2", "result=len(log)",
    ], [0, 1, 2, 3, 4], "2"),
    Scenario("hook changes what is read", [
        "def fix(*a):\n    if 'data' in globals(): data.sort()", "data=[3,1,2]",
        "get_ipython().events.register('pre_run_cell', fix)", "u=1", "result=list(data)",
    ], [0, 1, 2, 3], "list(1, 2, 3)"),
    Scenario("len of In", ["x=1", "y=2", "result=len(In)"], [0, 1], "4"),
    Scenario("In minus one", ["x=1", "y=2", "result=In[-1]"], [0, 1], "'result=In[-1]'"),
    Scenario("In loop", ["x=1", "y=2", "result=[s for s in In if s.startswith('x')]"], [0, 1], "list('x=1')"),
    Scenario("_i1", ["x=1", "y=2", "result=_i1"], [0], "'x=1'"),
    Scenario("_i", ["x=1", "y=2", "result=_i"], [0, 1], "'y=2'"),
    Scenario("Out get", ["40+2", "7", "result=[Out.get(k) for k in (1,2)]"], [0, 1], "list(42, 7)"),
    Scenario("len Out", ["1", "2", "u=0", "result=len(Out)"], [0, 1], "2"),
    Scenario("Out items", ["10", "'b'", "u=0", "result=sorted(map(str, Out.values()))"], [0, 1], "list('10', 'b')"),
    Scenario("Out changed", ["[1]", "Out[1].append(2)", "u=0", "result=Out[1]"], [0, 1], "list(1, 2)"),
    Scenario("Out iter keys", ["5", "6", "result=list(Out)"], [0, 1], "list(1, 2)"),
    Scenario("thread started in one cell, ends in another", [
        "import threading\nev=threading.Event(); out=[]", "def work():\n    ev.wait(); out.append(1)",
        "t=threading.Thread(target=work); t.start()", "u=1", "ev.set(); t.join()", "w=2", "result=list(out)",
    ], [0, 1, 2, 4], "list(1)"),
    Scenario("queue worker", [
        "import threading, queue\nq=queue.Queue(); done=[]",
        "def w():\n    while (x:=q.get()) is not None: done.append(x)", "t=threading.Thread(target=w); t.start()",
        "q.put(1)", "q.put(2); q.put(None); t.join()", "u=1", "result=list(done)",
    ], [0, 1, 2, 3, 4], "list(1, 2)"),
    Scenario("descriptor with store", [
        "class D:\n    def __init__(self): self.v={}\n    def __get__(self,o,t): return self.v.get(id(o),0)\n"
        "    def __set__(self,o,x): self.v[id(o)]=x",
        "class A:\n    d=D()", "a=A()", "a.d=5", "u=1", "result=a.d",
    ], [0, 1, 2, 3], "5"),
    Scenario("contextvars reset", [
        "import contextvars\nv=contextvars.ContextVar('v', default=0)", "tok=v.set(5)", "v.reset(tok)", "u=1",
        "result=v.get()",
    ], [0, 1, 2], "0"),
    Scenario("contextvars copy", [
        "import contextvars\nv=contextvars.ContextVar('v', default=0)", "v.set(1)", "c=contextvars.copy_context()",
        "v.set(2)", "result=(c[v], c.run(v.get), v.get())",
    ], [0, 1, 2, 3], "tuple(1, 1, 2)"),
    Scenario("logging handler, in steps", [
        "import logging, io\nbuf=io.StringIO()", "lg=logging.getLogger('zz')", "h=logging.StreamHandler(buf)",
        "lg.addHandler(h)", "lg.setLevel('INFO')", "lg.info('one')", "u=1", "result=buf.getvalue()",
    ], [0, 1, 2, 3, 4, 5], "'one\\n'"),
    Scenario("logging level of a parent", [
        "import logging", "lg=logging.getLogger('q.r')", "logging.getLogger('q').setLevel(10)", "u=1",
        "result=lg.getEffectiveLevel()",
    ], [0, 1, 2], "10"),
    Scenario("logging filter", [
        "import logging, io\n"
        "buf=io.StringIO(); lg=logging.getLogger('yy'); lg.propagate=False; lg.addHandler(logging.StreamHandler(buf))",
        "lg.addFilter(lambda r: 'x' in r.getMessage())", "lg.warning('no')", "lg.warning('x1')",
        "result=buf.getvalue()",
    ], [0, 1, 3], "'x1\\n'"),
    Scenario("lru_cache info", [
        "import functools\n@functools.lru_cache\ndef f(x): return x", "f(1)", "f(1)", "u=1",
        "result=f.cache_info().hits",
    ], [0, 1, 2], "1"),
    Scenario("cached method", [
        "import functools\nclass A:\n    @functools.lru_cache\n    def f(self,x): return x*g", "g=2\na=A()",
        "a.f(1)", "g=9", "result=a.f(1)",
    ], [0, 1, 2, 3], "2"),
    Scenario("Random passed on", [
        "import random\nr=random.Random(3)", "def draw(q): return q.random()", "x=draw(r)", "u=1", "result=draw(r)",
    ], [0, 1, 2], "0.5442292252959519"),
    Scenario("file handle position", [
        "open('b.txt','w').write('abcdef')", "f=open('b.txt')", "f.read(2)", "u=1", "f.read(1)", "result=f.read(2)",
    ], [0, 1, 2, 4], "'de'"),
    Scenario("sys.path insert", [
        "import os, sys\nos.mkdir('lib')\nopen('lib/mymod1.py','w').write('V=3')", "sys.path.insert(0,'lib')", "u=1",
        "import mymod1", "result=mymod1.V",
    ], [0, 1, 3], "3"),
    Scenario("reload keeps old from-import", [
        "open('mymod3.py','w').write('V=[1]')", "import mymod3\nfrom mymod3 import V",
        "open('mymod3.py','w').write('V=[2,2]')", "import importlib\nimportlib.reload(mymod3)",
        "result=(V, mymod3.V)",
    ], [0, 1, 2, 3], "tuple(list(1), list(2, 2))"),
    Scenario("del and define again", [
        "x=[1]", "y=x", "del x", "x=[2]", "y.append(5)", "result=(x,y)",
    ], [0, 1, 3, 4], "tuple(list(2), list(1, 5))"),
    Scenario("task awaited later", [
        "import asyncio\nlog=[]\nasync def w():\n    log.append(1); await asyncio.sleep(0.01); log.append(2); return 5",
        "await asyncio.sleep(0)",
        "async def go():\n    global t\n    t=asyncio.create_task(w()); await asyncio.sleep(0)\nawait go()", "u=1",
        "r=await t", "result=(r, list(log))",
    ], [0, 2, 4], "tuple(5, list(1, 2))"),
    Scenario("shelve opened again", [
        "import shelve\ns=shelve.open('sh')", "s['a']=1", "s['b']=2", "s.close()", "u=1",
        "result=dict(shelve.open('sh'))",
    ], [0, 1, 2, 3], "{'a': 1, 'b': 2}"),
    Scenario("sqlite uncommitted", [
        "import sqlite3\nc=sqlite3.connect('u.db')", "c.execute('create table t(x)'); c.commit()",
        "c.execute('insert into t values(4)')", "c.rollback()",
        "result=c.execute('select count(*) from t').fetchone()[0]",
    ], [0, 1, 2, 3], "0"),
    Scenario("class redefined pickle", [
        "import pickle\nclass A:\n    v=1", "a=A(); b=pickle.dumps(a)", "class A:\n    v=2",
        "result=pickle.loads(b).v",
    ], [0, 1, 2], "2"),
    Scenario("subclass list", [
        "class A: pass", "class B(A): pass", "class C(A): pass", "u=1",
        "result=sorted(c.__name__ for c in A.__subclasses__())",
    ], [0, 1, 2], "list('B', 'C')"),
    Scenario("gc callbacks", [
        "import gc\nlog=[]", "gc.callbacks.append(lambda p,i: log.append(p) if p=='x' else None)", "u=1",
        "result=len(gc.callbacks)>0",
    ], [0, 1], "True"),
    Scenario("trace function", [
        "import sys\nn=[0]", "def tr(f,e,a): n[0]+=1", "u=1", "sys.settrace(tr); (lambda:0)(); sys.settrace(None)",
        "result=n[0]>0",
    ], [0, 1, 3], "True"),
    Scenario("codec registered", [
        "import codecs", "codecs.register(lambda n: codecs.lookup('utf-8') if n=='mine' else None)", "u=1",
        "result='é'.encode('mine')",
    ], [0, 1], "b'\\xc3\\xa9'"),
    Scenario("import hook", [
        "import sys, types\nclass F:\n    def find_spec(self,n,p=None,t=None):\n        if n=='magicmod':\n"
        "            import importlib.util as u\n            return u.spec_from_loader(n,self)\n"
        "    def create_module(self,s): return None\n    def exec_module(self,m): m.v=42",
        "sys.meta_path.append(F())", "u=1", "import magicmod", "result=magicmod.v",
    ], [0, 1, 3], "42"),
    Scenario("sys.modules entry", [
        "import sys, types\nm=types.ModuleType('fake1'); m.v=3", "sys.modules['fake1']=m", "u=1", "import fake1",
        "result=fake1.v",
    ], [0, 1, 3], "3"),
    Scenario("globals pop", ["a=1\nb=2", "globals().pop('a')", "u=1", "result='a' in globals()"], [0, 1, 2], "False"),
    Scenario("macro", ["x=1", "x+=1", "%macro -q mm 2", "mm", "result=x"], [0, 1, 2, 3], "3"),
    Scenario("%rerun", ["x=1", "x+=1", "%rerun 2", "result=x"], [0, 1, 2], "3"),
    Scenario("%reset_selective", [
        "abc=1\nabd=2", "%reset_selective -f abc", "u=1", "result='abc' in globals()",
    ], [0, 1, 2], "False"),
    Scenario("iter protocol object", [
        "class It:\n    def __init__(s): s.i=0\n    def __iter__(s): return s\n    def __next__(s): s.i+=1; return s.i",
        "it=It()", "next(it)", "for z in it:\n    if z>3: break", "u=1", "result=next(it)",
    ], [0, 1, 2, 3], "5"),
    Scenario("groupby iterator", [
        "import itertools as I\ng=I.groupby('aabb')", "k,gr=next(g)", "x=next(gr)", "u=1", "result=(x,list(gr))",
    ], [0, 1, 2], "tuple('a', list('a'))"),
    Scenario("zipfile append", [
        "import zipfile\nz=zipfile.ZipFile('z.zip','w')", "z.writestr('a','1')", "z.writestr('b','2')", "z.close()",
        "result=zipfile.ZipFile('z.zip').namelist()",
    ], [0, 1, 2, 3], "list('a', 'b')"),
    Scenario("env for child", ["import os\nos.environ['CH']='7'", "u=1", "x=!echo $CH\nresult=x[0]"], [0], "'7'"),
    Scenario("observer list", [
        "subs=[]\ndef on(f): subs.append(f); return f", "@on\ndef one(x): return x+1",
        "@on\ndef two(x): return x*off", "off=3", "u=1", "result=[f(2) for f in subs]",
    ], [0, 1, 2, 3], "list(3, 6)"),
    Scenario("exception group", [
        "try:\n    raise ExceptionGroup('g',[ValueError(1)])\nexcept* ValueError as e: got=len(e.exceptions)", "u=1",
        "result=got",
    ], [0], "1"),
    Scenario("function annotations", [
        "def f(x: 'int'): return x", "f.__annotations__['x']='str'", "u=1", "result=f.__annotations__",
    ], [0, 1], "{'x': 'str'}"),
    Scenario("Out deleted", ["[1]", "del Out[1]", "result=1 in Out"], [0, 1], "False"),
]

HOOKS_HEAVY = [
    Scenario("pandas slice write", [
        "import pandas as pd", "df=pd.DataFrame({'a':[1,2,3]})", "s=df[df.a>1]", "s.loc[:, 'a']=0", "result=df",
    ], [0, 1], ",a\n0,1\n1,2\n2,3\n"),
    Scenario("pandas eval with global", [
        "import pandas as pd", "df=pd.DataFrame({'a':[1,2,3]})", "t=2", "u=1", "result=pd.eval('df.a + t')",
    ], [0, 1, 2], ",a\n0,3\n1,4\n2,5\n"),
    Scenario("numpy to frame shared", [
        "import pandas as pd\nimport numpy as np", "v=np.array([[1.0],[2.0]])", "df=pd.DataFrame(v, copy=False)",
        "v[0,0]=9", "u=1", "result=df",
    ], [0, 1, 2, 3], ",0\n0,9.0\n1,2.0\n"),
    Scenario("plt rc_context left open", [
        "import matplotlib.pyplot as plt", "c=plt.rc_context({'lines.linewidth': 7}); c.__enter__()", "u=1",
        "result=plt.rcParams['lines.linewidth']",
    ], [0, 1], "7.0"),
    Scenario("plt prop cycle", [
        "import matplotlib.pyplot as plt", "ax=plt.figure().add_subplot()", "l1=ax.plot([1])", "l2=ax.plot([2])",
        "result=l2[0].get_color()",
    ], [0, 1, 2, 3], "tuple(1.0, 0.4980392156862745, 0.054901960784313725)"),
    Scenario("sklearn's output set", [
        "import sklearn", "sklearn.set_config(transform_output='pandas')",
        "from sklearn.preprocessing import StandardScaler\nimport numpy as np", "u=1",
        "result=type(StandardScaler().fit_transform(np.ones((2,1)))).__name__",
    ], [0, 1, 2], "'DataFrame'"),
    Scenario("generators spawned", [
        "import numpy as np", "rng=np.random.default_rng(5)", "kids=rng.spawn(2)", "a=kids[0].random()",
        "more=rng.spawn(1)", "result=(kids[1].random(), more[0].random())",
    ], [0, 1, 2, 3, 4], "tuple(0.2531538239071238, 0.6337294897074003)"),
    Scenario("SeedSequence spawn", [
        "import numpy as np", "ss=np.random.SeedSequence(7)", "a=ss.spawn(1)", "b=ss.spawn(1)",
        "result=np.random.default_rng(b[0]).random()",
    ], [0, 1, 2, 3], "0.4805820057358118"),
    Scenario("sk warm start", [
        "from sklearn.linear_model import SGDRegressor\nimport numpy as np\n"
        "X=np.arange(6.).reshape(-1,1)/6; y=X.ravel()",
        "m=SGDRegressor(random_state=0,warm_start=True,max_iter=5,tol=None)", "m.fit(X,y)", "u=1", "m.fit(X,y)",
        "result=round(float(m.coef_[0]),8)",
    ], [0, 1, 2, 4], "0.07329721"),
]
