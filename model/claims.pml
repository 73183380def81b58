/*
 * claims.pml - what the coordinator believes of one VM while one host lies, as a Promela model (spin 6.5)
 *
 * boot.pml is about orders that are late and hosts that ask each other; here every order is carried out at once, and what
 * counts is on whose word it was given. Hosts 0, 1 and 2 are honest: they report what is so, lose power, and are cut off.
 * Host H has a certificate and says anything at any time: that it runs the VM, that it lost it, nothing, at any epoch; it falls
 * silent; it accepts what nobody has released to it. HOW TO READ and HOW TO RUN are as in saga.pml.
 *
 * THE RULES
 *  1 An epoch counts as far as a statement certifies it: a grant of the coordinator, and for what follows from it the word of
 *    whoever gave the VM up by it (Release, yield), or fence evidence about that host. No host's word makes it the owner.
 *  2 A host that was last heard to run the VM keeps every other host from being granted it, whether it is there or silent:
 *    until it says otherwise, has given it up by a statement (a silent one), is fenced, or an admin says of this VM that it
 *    does not run there. So does a side of an open move that does not answer: it may run it, or will, and an admin who looks
 *    now cannot know; there only a fence helps.
 *  3 Where nothing certifies an owner and several hosts claim the VM, nobody gets it by itself. The alarm names them.
 *  4 `forget` takes from a host, for good, every claim by which it would own a VM that it does not certifiably own. What it was
 *    last heard to run it does not touch.
 *  5 A move has ended as moved when its target has accepted AND its source has released.
 *  6 After a restore of an older backup nothing is booted, at home neither (it may have been fenced since), until every host
 *    has said hello, with the statements that it holds, or is fenced, or the admin has vouched for that VM (here: a fence);
 *    until then a VM moves only from where it is certified to be. Epochs leave room for the grants that were lost.
 *
 * OPTIONS   -DF=n  power cuts and cut lines (default 2)   -DW=n  things that H says (default 3)   -DATH  the VM is H's own
 *           -DRESTORE  the coordinator is restored from an older backup, once   -DNOH  nobody lies
 * PLANTED   -DC_EPOCH    claim by epoch: the highest epoch that anybody reports owns the VM (1)
 *           -DC_ACCEPT   the target's word alone ends a move (5)
 *           -DC_OPEN     a silent side of an open move stands in nobody's way (2)
 *           -DC_SILENT   a silent host that ran it stands in nobody's way (2)
 *           -DC_HIDES    a connected host's word that it runs the VM hides that it was lost elsewhere (2)
 *           -DC_CONTEST  of several uncertified claims one is chosen (3)
 *           -DC_FORGETRUN  forget unblocks a VM that was last heard running (4)
 *           -DC_KEEPS    claims outlive the forgetting of their host (4)
 *           -DC_HELLO    a boot elsewhere waits for nobody after a restore (6)    -DC_ROOM  no room for lost grants (6)
 */
#ifndef F
#define F 2
#endif
#ifndef W
#define W 3
#endif
#define H 3
#define NOBODY 4
#define RUNS 1
#define LOST 2
#define BIG 99

/* the world */
bit  up[4]=1, line[4]=1, vm[4]=0, lost[4]=0;
byte own[4]=0;                        /* epoch by its own journal */
byte owner;                           /* who has the right to it, truly */
byte f=0, w=0;
bit  handed[32]=0;                    /* epochs that were given out */
/* the coordinator */
bit  con[4]=1;
byte heard[4]=0, at[4]=0;             /* what each said last, and the epoch it named */
byte cE=0, cO=NOBODY, cLast=0;        /* certified, and the last grant */
bit  gave[4]=0;                       /* a statement says that it has given the VM up since */
bit  fen[4]=0, word[4]=0, forgot[4]=0;
byte mv=NOBODY;                       /* a move to H is granted: from this host */
bit  rel=0, acc=0;                    /* Release and Accept of it */
/* a backup */
bit  saved=0, restored=0, hello[4]=1;
byte sE, sO, sLast; bit sgave[4]=0; byte sheard[4]=0;

#ifdef C_SILENT
#define STANDS(h) (con[h])
#else
#define STANDS(h) (con[h] || !gave[h])
#endif
#ifdef C_FORGETRUN
#define KEPT(h) (!forgot[h])
#else
#define KEPT(h) 1
#endif
#define BLOCKS(h) (heard[h]==RUNS && !fen[h] && !word[h] && STANDS(h) && KEPT(h))
/* a side of an open move that does not answer may hold it, or will, whatever it said last, and whatever an admin says of now */
#ifdef C_OPEN
#define HELD 0
#else
#define HELD (mv!=NOBODY && !con[H] && !fen[H])
#endif
#define BLOCKED(t) (HELD || (t!=0 && BLOCKS(0)) || (t!=1 && BLOCKS(1)) || (t!=2 && BLOCKS(2)) || (t!=H && BLOCKS(H)))
/* by which it would own it */
#ifdef C_KEEPS
#define CLAIMS(h) (heard[h]!=0 && !gave[h])
#else
#define CLAIMS(h) (heard[h]!=0 && !gave[h] && !forgot[h])
#endif
#define OTHERS(t) ((t!=0 && CLAIMS(0)) || (t!=1 && CLAIMS(1)) || (t!=2 && CLAIMS(2)) || (t!=H && CLAIMS(H)))
#ifdef C_CONTEST
#define CONTEST(t) 0
#else
#define CONTEST(t) OTHERS(t)
#endif
#ifdef C_EPOCH
#define BELOW(k,t) (heard[k]==0 || at[k]<=at[t])
#define OWNS(t) (heard[t]!=0 && BELOW(0,t) && BELOW(1,t) && BELOW(2,t) && BELOW(H,t))
#else
#define OWNS(t) (cE>0 -> cO==t : (CLAIMS(t) && !CONTEST(t)))
#endif
/* it died with h, which is silent: h is off for certain, or does not run it by an admin's word */
#define DIED(h) (heard[h]!=0 && (fen[h] || word[h] || !KEPT(h)))
#ifdef C_HELLO
#define HEARD 1
#else
#define MET(h) (hello[h] || fen[h])
#define HEARD (!restored || (MET(0) && MET(1) && MET(2) && MET(H)))
#endif
/* no move of it is open, or one that cannot end by itself */
#define FREE (mv==NOBODY || fen[H] || fen[mv])
#ifdef C_HIDES
#define SPOKEN 0
#else
#define SPOKEN 1
#endif
/* who is asked before a grant and is there: an honest host says no while it runs the VM */
#define YIELDS(k,t) (k==t || !con[k] || !vm[k])

inline grant(t) { assert(t!=H || owner==H); cLast++; assert(cLast<32 && !handed[cLast]); handed[cLast]=1; cE=cLast; cO=t }
inline gives(k,t) { if :: k!=t && (con[k] || fen[k] || word[k]) -> gave[k]=1; if :: con[k] -> lost[k]=0; if :: k==H -> vm[H]=0 :: else fi :: else fi :: else fi }
inline starts(t) {
  gives(0,t); gives(1,t); gives(2,t); gives(H,t);
  assert((t==0 || !vm[0]) && (t==1 || !vm[1]) && (t==2 || !vm[2]) && (t==H || !vm[H]));
  mv=NOBODY; vm[t]=1; lost[t]=0; own[t]=cE; owner=t; gave[t]=0; word[t]=0; heard[t]=RUNS; at[t]=cE }
#define TRUTH(h) (vm[h] -> RUNS : (lost[h] -> LOST : 0))
/* it says hello, with the statements that it holds: what certifies its own epoch, and what it has given up */
inline hears(h) { con[h]=1; fen[h]=0; hello[h]=1;
  /* it was off when the VM was started elsewhere: it yields now */
  if :: gave[h] && lost[h] && own[h]<cE -> lost[h]=0 :: else fi;
  heard[h]=TRUTH(h); at[h]=own[h];
  if :: own[h]>cE && (vm[h] || lost[h]) -> cE=own[h]; cO=h; gave[h]=0
     /* it has owned it, and released it: to whom that one's own statements say */
     :: else -> if :: own[h]>0 && !vm[h] && !lost[h] -> gave[h]=1; if :: own[h]>cE -> cE=own[h]; cO=NOBODY :: else fi :: else fi fi;
  if :: cLast<own[h] -> cLast=own[h] :: else fi }

#define HONEST(h) \
 :: d_step { up[h] && line[h] && (!con[h] || heard[h]!=TRUTH(h)) -> printf("host %d says what is so\n",h); hears(h) } \
 :: d_step { up[h] && f<F -> f++; printf("POWER CUT host %d\n",h); up[h]=0; con[h]=0; lost[h]=(vm[h] -> 1 : lost[h]); vm[h]=0 } \
 :: d_step { !up[h] -> printf("host %d boots\n",h); up[h]=1 } \
 :: d_step { up[h] && line[h] && f<F -> f++; printf("host %d is cut off\n",h); line[h]=0; con[h]=0 } \
 :: d_step { !line[h] -> printf("the line of host %d is up\n",h); line[h]=1 } \
 :: d_step { !up[h] && !fen[h] -> printf("ADMIN fences host %d\n",h); fen[h]=1 } \
 :: d_step { con[h] && heard[h]==LOST && OWNS(h) && !BLOCKED(h) && !forgot[h] && FREE && HEARD && YIELDS(0,h) && YIELDS(1,h) && YIELDS(2,h) -> \
      printf("COORD: VM lost with host %d: boot there\n",h); grant(h); starts(h) } \
 :: d_step { con[h] && con[H] && heard[h]==RUNS && OWNS(h) && !BLOCKED(h) && (HEARD || cO==h) && mv==NOBODY && !sent -> \
      printf("COORD: grants a move from host %d to H\n",h); sent=1; mv=h; rel=0; acc=0; word[H]=0; cLast++; own[h]=cLast; handed[cLast]=1; cLast++; assert(!handed[cLast]); handed[cLast]=1 } \
 :: d_step { mv==h && vm[h] && !rel -> printf("host %d: COMMIT, Release\n",h); rel=1; vm[h]=0; gave[h]=1; vm[H]=1; own[H]=cLast; owner=H } \
 :: d_step { mv==h && !vm[h] && !rel -> printf("COORD: the move from host %d has failed\n",h); mv=NOBODY } \
 /* by hand, on another host, what died with k */ \
 FAILOVER(0,h) FAILOVER(1,h) FAILOVER(2,h) FAILOVER(H,h) \
 MOVE(h,((h+1)%3)) MOVE(h,((h+2)%3))
#define FAILOVER(k,t) \
 :: d_step { k!=t && con[t] && !con[k] && DIED(k) && (cE==0 || cO==k) && !BLOCKED(t) && FREE && HEARD && YIELDS(0,t) && YIELDS(1,t) && YIELDS(2,t) && !vm[t] && b<2 -> \
      b++; printf("ADMIN: it died with host %d: boot on host %d\n",k,t); grant(t); starts(t) }
/* a move between honest hosts, or from what H says it runs */
#define MOVE(s,t) \
 :: d_step { con[s] && con[t] && heard[s]==RUNS && OWNS(s) && !BLOCKED(s) && (HEARD || cO==s) && mv==NOBODY && b<2 && vm[s] -> \
      b++; printf("COORD: move from host %d to host %d\n",s,t); cLast++; own[s]=cLast; handed[cLast]=1; grant(t); vm[s]=0; lost[s]=0; gave[s]=1; assert(!vm[t]); vm[t]=1; own[t]=cE; owner=t; gave[t]=0 }

byte b=0; bit sent=0;

active proctype all() {
 d_step {
#ifdef ATH
  vm[H]=1; owner=H; heard[H]=RUNS;
#else
  vm[0]=1; owner=0; heard[0]=RUNS;
#endif
 }
 do
 HONEST(0)
 HONEST(1)
 HONEST(2)
#ifndef NOH
 /* ---------------- H ---------------- */
 :: d_step { con[H] && w<W && heard[H]!=RUNS -> w++; printf("H says that it runs it\n"); heard[H]=RUNS; at[H]=BIG; lost[H]=0 }
 :: d_step { con[H] && w<W && heard[H]!=LOST -> w++; printf("H says that it lost it\n"); heard[H]=LOST; at[H]=BIG; vm[H]=0; lost[H]=1 }
 :: d_step { con[H] && w<W && heard[H]!=0 -> w++; printf("H says nothing of it\n"); heard[H]=0 }
 :: d_step { con[H] && w<W -> w++; printf("H falls silent\n"); con[H]=0 }
 :: d_step { !con[H] && !fen[H] && (w<W || !hello[H]) -> w=(hello[H] -> w+1 : w); printf("H is back\n"); con[H]=1; hello[H]=1; if :: restored && heard[H]==0 -> vm[H]=0 :: else fi }
 :: d_step { mv!=NOBODY && !acc -> printf("H accepts\n"); acc=1 }
 :: d_step { con[H] && heard[H]==LOST && OWNS(H) && !BLOCKED(H) && FREE && HEARD && YIELDS(0,H) && YIELDS(1,H) && YIELDS(2,H) && b<2 -> b++; printf("COORD: VM lost with H: boot there\n"); grant(H); starts(H) }
 :: d_step { con[H] && con[1] && heard[H]==RUNS && OWNS(H) && !BLOCKED(H) && (HEARD || cO==H) && mv==NOBODY && b<2 -> b++; printf("COORD: move from H to host 1\n"); assert(owner==H && !vm[0] && !vm[2]); grant(1); vm[H]=0; gave[H]=1; vm[1]=1; own[1]=cE; owner=1; gave[1]=0 }
#endif
#ifdef C_ACCEPT
 :: d_step { mv!=NOBODY && acc -> printf("COORD(bug): moved to H on its word\n"); cE=cLast; cO=H; gave[mv]=1; gave[H]=0; mv=NOBODY }
#else
 :: d_step { mv!=NOBODY && acc && rel -> printf("COORD: moved to H\n"); cE=cLast; cO=H; gave[mv]=1; gave[H]=0; word[H]=0; mv=NOBODY }
#endif
 /* ---------------- the admin, told by an alarm ---------------- */
 :: d_step { SPOKEN && !forgot[H] && heard[H]!=0 && !vm[H] && (heard[0]!=0 || heard[1]!=0 || heard[2]!=0) -> printf("ADMIN forgets H\n"); forgot[H]=1 }
 :: d_step { forgot[H]==0 && heard[H]==RUNS && vm[H] && !con[H] -> printf("ADMIN forgets H, which runs it\n"); forgot[H]=1 }
 :: d_step { SPOKEN && BLOCKS(H) && mv==NOBODY && !vm[H] -> printf("ADMIN: it does not run on H\n"); word[H]=1 }
 :: d_step { restored && !hello[H] && !fen[H] -> printf("ADMIN fences H\n"); fen[H]=1; lost[H]=vm[H]; vm[H]=0 }
 :: d_step { (BLOCKS(H) || HELD) && vm[H] && !con[H] && f<F -> f++; printf("ADMIN fences H\n"); fen[H]=1; vm[H]=0; lost[H]=1 }
#ifdef RESTORE
 :: d_step { !saved && !restored -> printf("a backup is made\n"); saved=1; sE=cE; sO=cO; sLast=cLast; sgave[0]=gave[0]; sgave[1]=gave[1]; sgave[2]=gave[2]; sheard[0]=heard[0]; sheard[1]=heard[1]; sheard[2]=heard[2] }
 :: d_step { saved && !restored && mv==NOBODY -> printf("the backup is restored\n"); restored=1; cE=sE; cO=sO; cLast=sLast;
      gave[0]=sgave[0]; gave[1]=sgave[1]; gave[2]=sgave[2]; heard[0]=sheard[0]; heard[1]=sheard[1]; heard[2]=sheard[2]; con[0]=0; con[1]=0; con[2]=0; con[H]=0; hello[0]=0; hello[1]=0; hello[2]=0; hello[H]=0; fen[0]=0; fen[1]=0; fen[2]=0;
#ifndef C_ROOM
      cLast=cLast+8;
#endif
    }
#endif
 :: else -> break
 od; skip;
 d_step {
  printf("END run %d%d%d%d lost %d%d%d%d heard %d%d%d%d cE %d cO %d owner %d\n",vm[0],vm[1],vm[2],vm[H],lost[0],lost[1],lost[2],lost[H],heard[0],heard[1],heard[2],heard[H],cE,cO,owner);
  /* an honest host's VM runs, by itself or after what the admin has done; what H had H may keep from everybody */
  assert(vm[0] || vm[1] || vm[2] || owner==H)
 }
}
