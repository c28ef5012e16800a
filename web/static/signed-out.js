// Goes on once the frames that tell applications of the sign-out have loaded, or after three seconds. Without scripts the link does.
let gone = false;
function goOn() {
  if (gone) return;
  gone = true;
  location.replace(document.getElementById('next').href);
}
if (document.readyState === 'complete') goOn();
addEventListener('load', goOn); // waits for the frames
setTimeout(goOn, 3000);
