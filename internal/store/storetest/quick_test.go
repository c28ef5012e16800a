package storetest
import ("testing";"github.com/signet-auth/signet/internal/store";"github.com/signet-auth/signet/internal/store/pgtest";"github.com/signet-auth/signet/internal/domain";"time")
func TestMain(m *testing.M){pgtest.Main(m)}
func TestQuick(t *testing.T){Each(t,func(t *testing.T,db *store.DB){
 ctx:=t.Context()
 now:=time.Now()
 id,err:=db.InsertAPI(ctx,domain.API{Audience:"a",CreatedAt:now,UpdatedAt:now,Permissions:[]domain.Permission{{Name:"r"}}})
 t.Log(id,err)
 cid,err:=db.InsertClient(ctx,domain.Client{ClientID:"c",CreatedAt:now,APIs:[]domain.ClientAPI{{Audience:"a",Permissions:[]string{"r"}}},Secrets:[]domain.ClientSecret{{Hash:"h"}}})
 t.Log(cid,err)
 c,err:=db.FindClient(ctx,"c"); t.Logf("%+v %v",c,err)
 rev,err:=db.InsertIssuedTokens(ctx,[]domain.IssuedToken{{ID:domain.TokenID{1},Kind:1,KeyID:1,ClientID:cid,IssuedAt:now,ExpiresAt:now.Add(time.Hour)}},[]int64{3})
 t.Log(rev,err)
 f,rev,err:=db.FindIssuedTokens(ctx,[]domain.TokenRef{{ID:domain.TokenID{1},ExpiresAt:now.Add(time.Hour)},{ID:domain.TokenID{2},ExpiresAt:now}})
 t.Log(f,rev,err)
 l,err:=db.ListIssuedTokens(ctx,domain.TokenFilter{Live:true,Now:now,Limit:10,ClientID:cid}); t.Logf("%+v %v",l,err)
 ch,rev,ok,err:=db.Changes(ctx,1); t.Log(ch,rev,ok,err)
 n,err:=db.Purge(ctx,now.Add(2*time.Hour),100); t.Log(n,err)
})}
