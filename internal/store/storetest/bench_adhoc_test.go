package storetest
import ("testing";"github.com/signet-auth/signet/internal/store";"github.com/signet-auth/signet/internal/domain";"time";"crypto/rand";"encoding/binary";"sync";"sync/atomic")
func batch(n int, now time.Time)([]domain.IssuedToken,[]int64){
 ts:=make([]domain.IssuedToken,n); rs:=make([]int64,n)
 for i:=range ts{ var id domain.TokenID; rand.Read(id[:]); var b [8]byte; binary.BigEndian.PutUint64(b[:],uint64(now.UnixMilli())); copy(id[:6],b[2:])
 ts[i]=domain.IssuedToken{ID:id,Kind:1,KeyID:1,ClientID:int64(1+i%10),IssuedAt:now,ExpiresAt:now.Add(time.Hour)};rs[i]=1}
 return ts,rs}
func run(b *testing.B, db *store.DB, par,size int){
 var n atomic.Int64; start:=time.Now(); var wg sync.WaitGroup; 
 for range par{wg.Go(func(){for time.Since(start)<3*time.Second{ ts,rs:=batch(size,time.Now()); if _,err:=db.InsertIssuedTokens(b.Context(),ts,rs);err!=nil{b.Error(err);return}; n.Add(int64(size))}})}
 wg.Wait(); b.Logf("par %d size %d: %.0f tokens/s",par,size,float64(n.Load())/time.Since(start).Seconds())
 refs:=[]domain.TokenRef{}; ts,rs:=batch(64,time.Now()); db.InsertIssuedTokens(b.Context(),ts,rs); for _,t:=range ts{refs=append(refs,domain.TokenRef{ID:t.ID,ExpiresAt:t.ExpiresAt})}
 n.Store(0); start=time.Now()
 for range par{wg.Go(func(){for time.Since(start)<1*time.Second{ f,_,err:=db.FindIssuedTokens(b.Context(),refs[:size]);if err!=nil||len(f)!=size{b.Error(err,len(f));return}; n.Add(1)}})}
 wg.Wait(); b.Logf("  find: %.0f lookups of %d/s",float64(n.Load())/time.Since(start).Seconds(),size)
}
func BenchmarkIt(b *testing.B){
 for _,k:=range []func(testing.TB)*store.DB{SQLite,Postgres}{
 for _,ps:=range [][2]int{{1,64},{2,64},{4,64},{1,1}}{ db:=k(b); b.Log(db.Dialect()); run(b,db,ps[0],ps[1])}}
}
