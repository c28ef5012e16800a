package store
import ("testing";"path/filepath";"github.com/signet-auth/signet/internal/domain";"time")
func TestPlan(t *testing.T){
 db,err:=Open(t.Context(),"sqlite:"+filepath.Join(t.TempDir(),"x.db"),Options{OpTimeout:time.Minute}); if err!=nil{t.Fatal(err)}
 defer db.Close()
 if err:=db.Migrate(t.Context());err!=nil{t.Fatal(err)}
 tokens:=make([]domain.IssuedToken,5000); rs:=make([]int64,5000); refs:=make([]domain.TokenRef,5000)
 now:=time.Now()
 for i:=range tokens{tokens[i]=domain.IssuedToken{ID:domain.TokenID{1,byte(i),byte(i>>8)},Kind:1,IssuedAt:now,ExpiresAt:now};rs[i]=1; refs[i]=domain.TokenRef{ID:tokens[i].ID,ExpiresAt:now}}
 s:=time.Now(); _,err=db.InsertIssuedTokens(t.Context(),tokens,rs); t.Log(time.Since(s),err)
 s=time.Now(); f,_,err:=db.FindIssuedTokens(t.Context(),refs); t.Log(time.Since(s),len(f),err)
 table,args:=db.dialect.tokenRefs(refs)
 rows,err:=db.reader.QueryContext(t.Context(),`EXPLAIN QUERY PLAN SELECT t.jti, i.revision FROM installation i LEFT JOIN (`+table+` JOIN issued_tokens t ON t.jti = r.jti AND t.expires_at = r.expires_at) ON TRUE
			WHERE i.id = 1`,args...)
 if err!=nil{t.Fatal(err)}
 for rows.Next(){var a,b,c int;var d string;rows.Scan(&a,&b,&c,&d);t.Log(a,b,d)}
}
