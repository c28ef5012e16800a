// Sends the form that takes an answer to an application. Without scripts the person presses its button.
document.querySelector('form').submit();
