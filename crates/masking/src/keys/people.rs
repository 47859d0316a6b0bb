//! Words for people and their names, for what is no person, and for what may stand in between.

/// Keys whose value is a name.
pub(super) const NAMES: &str = "fullname firstname lastname middlename givenname givennames familyname familynames surname surnames forename forenames firstnames lastnames maidenname birthname nameatbirth displayname preferredname nickname legalname personname personfullname
    fname lname mname firstnm lastnm fullnm additionalname honorificname contactperson contactname customername clientname patientname employeename ownername membername accountholder accountholdername accountowner cardholder cardholdername holdername holder beneficiary beneficiaryname recipientname sendername authorname
    nameoncard namecard username guestname passengername tenantname landlordname studentname teachername doctorname physicianname emergencycontact nextkin nextofkin spouse spousename partnername mothersmaidenname mothermaidenname mothername fathername parentname guardianname payeename payername inventorname signatory signatoryname driversname drivername policyholder policyholdername insuredname applicantname attn managername supervisorname agentname buyername sellername callername witnessname representativename authorizedsignatory billingname shippingname deliveryname debtorname creditorname donorname candidatename attendeename
    vorname vornamen nachname familienname vollername vollstandigername geburtsname madchenname rufname zuname kundenname patientenname mitarbeitername ansprechpartner ansprechpartnerin kontoinhaber karteninhaber nameundvorname vornamename vornamenachname versicherungsnehmer unterzeichner empfangername absendername
    prenom prenoms nomfamille nomcomplet nomprenom nometprenom prenomnom nomnaissance nomjeunefille nomusage nomusuel nomclient nompatient nomsalarie titulaire titulairecompte destinataire personnecontact
    nombrecompleto nombreapellidos nombreyapellidos nombrepila nombrecliente nombrepaciente apellido apellidos primerapellido segundoapellido primernombre segundonombre apellidopaterno apellidomaterno apellidosnombre titular titularcuenta personacontacto
    cognome nomecognome nomeecognome cognomenome cognomenubile nomecompleto nominativo intestatario intestatarioconto nomecliente nomepaziente nomebattesimo
    sobrenome apelido apelidos nomeproprio nomeapelido primeironome ultimonome nomecliente nomepaciente nomefamilia nomemae nomepai nomesocial
    voornaam voornamen achternaam familienaam volledigenaam tussenvoegsel roepnaam geboortenaam meisjesnaam klantnaam contactpersoon rekeninghouder kaarthouder
    imie imiona drugieimie nazwisko nazwiska imienazwisko imieinazwisko nazwiskorodowe nazwiskopanienskie nazwiskoimie pelneimie osobakontaktowa imiematki imieojca
    fornamn efternamn tilltalsnamn mellannamn fullstandigtnamn kontaktperson kundnamn flicknamn fornavn efternavn mellemnavn fuldenavn kundenavn fodenavn pigenavn etternavn mellomnavn fulltnavn slektsnavn
    etunimi etunimet sukunimi kokonimi kutsumanimi asiakkaannimi yhteyshenkilo
    krestnijmeno prijmeni jmenoprijmeni jmenoaprijmeni celejmeno rodneprijmeni kontaktniosoba meno priezvisko menopriezvisko menoapriezvisko krstnemeno celemeno rodnepriezvisko kontaktnaosoba
    prezime imeprezime imeiprezime prezimeime punoime djevojackoprezime priimek imepriimek imeinpriimek dekliskipriimek polnoime kontaktnaoseba
    prenume numefamilie numeprenume numesiprenume numecomplet numeledefamilie persoanacontact
    vezeteknev keresztnev utonev csaladnev teljesnev szuletesinev anyjaneve leanykorinev ugyfelneve kapcsolattarto
    vardas pavarde vardaspavarde vardasirpavarde mergautinepavarde kontaktinisasmuo vards uzvards vardsuzvards vardsunuzvards pilnsvards kontaktpersona eesnimi perekonnanimi perenimi taisnimi sunninimi neiupolvenimi kontaktisik
    eiginnafn fodurnafn fulltnafn eftirnafn millinafn adsoyad adisoyadi soyad soyadi isim isimsoyisim soyisim
    kunjom ismukunjom ainm sloinne ainmiomlan ceadainm
    собственоиме фамилия презиме бащиноиме пълноиме именаплице триимена лицезаконтакт ονομα επωνυμο επιθετο ονοματεπωνυμο πατρωνυμο μικρο onoma eponymo epitheto onomateponymo patronymo familiya prezimebg sobstvenoime";

/// Keys that name a person, whose value may be the name, an id or an object.
pub(super) const NOUNS: &str = "author owner contact customer client patient employee recipient sender assignee reporter manager person member guest passenger insured applicant candidate doctor physician practitioner attendee attendees participant participants creator createdby updatedby approvedby approver reviewer requester requestor user tenant landlord student teacher signer witness spouse husband wife mother father guardian caregiver driver nurse supervisor representative beneficiary payee payer debtor subscriber donor caller buyer seller lawyer attorney plaintiff defendant claimant performer subject individual assignedto
    kunde kundin patientin mitarbeiter mitarbeiterin arbeitnehmer besitzer eigentumer inhaber versicherter mieter vermieter fahrer schuler lehrer arzt arztin benutzer nutzer empfanger absender bearbeiter antragsteller bewerber verfasser unterzeichner angehoriger ehepartner
    salarie employe proprietaire locataire expediteur auteur utilisateur medecin conducteur assure adherent eleve conjoint personne beneficiaire
    cliente paciente empleado trabajador propietario inquilino remitente destinatario usuario medico conductor asegurado alumno conyuge persona beneficiario empleada
    paziente dipendente lavoratore proprietario inquilino mittente utente conducente assicurato alunno coniuge
    utilizador utente funcionario trabalhador remetente condutor segurado aluno conjuge pessoa
    klant werknemer medewerker eigenaar huurder ontvanger afzender gebruiker arts bestuurder verzekerde leerling persoon echtgenoot
    klient pacjent pracownik wlasciciel najemca odbiorca nadawca uzytkownik lekarz kierowca ubezpieczony uczen osoba
    kund anstalld agare mottagare avsandare anvandare lakare forare elev medarbejder ansat ejer modtager afsender bruger laege ansatt eier mottaker bruker lege
    asiakas potilas tyontekija omistaja vastaanottaja lahettaja kayttaja laakari henkilo zakaznik pacient zamestnanec majitel prijemce uzivatel lekar ridic osoba zamestnanec vlastnik
    klijent pacijent zaposlenik vlasnik primatelj posiljatelj korisnik lijecnik vozac stranka zaposleni lastnik prejemnik uporabnik zdravnik oseba
    angajat proprietar destinatar expeditor utilizator sofer persoana ugyfel beteg munkavallalo dolgozo tulajdonos cimzett felado felhasznalo orvos szemely
    klientas pacientas darbuotojas savininkas gavejas vartotojas gydytojas asmuo klients pacients darbinieks ipasnieks sanemejs lietotajs arsts klienta tootaja omanik saaja kasutaja arst isik musteri hasta calisan kullanici
    клиент пациент служител собственик потребител лекар лице πελατησ ασθενησ υπαλληλοσ χρηστησ ιατροσ";

/// Words for a name, which mean a person's only beside a person.
pub(super) const NAME: &str = "name nama jina 名前 이름 имена names nom nome nombre naam navn namn nimi jmeno nazwa ime nume nev vards nafn ad adi isem ainm име display full fn nick formattedname";

/// Words for a part of a name.
pub(super) const PART: &str = "first last middle given family maiden preferred imie";

/// The words for a name that may stand alone for a person's.
pub(super) const NAME_ALONE: &str = "name nama jina 名前 이름 имена nom nome nombre naam navn namn nimi jmeno ime nume nev nafn adi isem ainm име fn first last middle given family full imie";

/// Parts of an address, which mean it only beside others or under it.
pub(super) const PLACE: &str = "city town village locality municipality district suburb neighborhood neighbourhood county province state region administrativearea sublocality stadt ort gemeinde wohnort ortsteil bundesland kreis ville commune localite departement ciudad poblacion localidad municipio provincia comunidadautonoma citta comune localita frazione cidade concelho freguesia distrito localidade plaats woonplaats stad gemeente provincie miasto miejscowosc gmina powiat wojewodztwo stad ort postort kommun lan by poststed bynavn kommune fylke kaupunki kunta paikkakunta postitoimipaikka mesto obec okres kraj grad mjesto opcina zupanija naselje posta kraj obcina oras localitate judet varos telepules megye miestas savivaldybe pilseta novads linn vald maakond borg baer stadur sveitarfelag sehir il ilce belt lokalita baile cathair contae град област община πολη νομοσ δημοσ poli nomos grad oblast addresslocality addressregion cityname townname citytown postaltown posttown stateprovince";

/// Lines of an address.
pub(super) const LINE: &str = "line lines line1 line2 line3 house building floor flat apt apartment suite extendedaddress hus dom haus bloque piso puerta escalera piano interno scala etage";

/// Words for a number or another spelling of what is above: `passport: {number}`.
pub(super) const NUMBER: &str = "nbr serial serialno serialnumber documentnumber docnumber docno docnum docnr documentno documentnr documentnum documentid number no nr num nummer numero cislo broj stevilka szam numar numeris numurs id code identifier reference raw formatted national international e164 unit box";

/// Words for the value of what a sibling names: `{"type": "email", "value": ...}`.
pub(super) const VALUE: &str = "value val values valuestring stringvalue text answer response content hodnota wert valeur valor valore waarde wartosc";

/// Objects under these keys are whatever the object around them is.
pub(super) const NEUTRAL: &str = "data details detail info information profile personal personalinfo personalinformation personaldata personaldetails basic basicinfo general attributes properties fields record records entry entries item items row rows result results list value values payload body response content identity demographics demographic individual bio contactinfo contactinformation contactdetails nodes edges node resource entity object main primary secondary current summary";

/// Things that have names and are no persons. As the first word of a key, or as the key above.
pub(super) const THINGS: &str = " is has max min num total next page continuation cursor prompt completion input output public csrf file tool tools function functions class method methods module modules package packages host hosts event events table tables column columns server servers process thread branch branches domain field variable variables param params parameter parameters product products project projects company companies organization organizations organisation organisations department departments job jobs role roles group groups team teams brand brands store stores shop country countries currency language service services app apps application applications model models device devices cluster clusters namespace image images container containers repository repositories repo repos workflow workflows step steps stage stages task tasks template templates plan plans category categories tag tags label labels schema schemas database databases index license licence framework library libraries plugin plugins extension extensions artifact artifacts test tests suite suites dataset datasets feature features metric metrics campaign campaigns course courses hotel hotels restaurant restaurants venue venues airport airports airline airlines station stations city cities street region regions bank banks school schools university hospital hospitals clinic vendor vendors supplier suppliers merchant manufacturer employer business firm firma firmen unternehmen produkt produkte projekt projekte bestand datei server entreprise societe produit produits projet fichier empresa producto productos proyecto archivo azienda societa prodotto prodotti progetto bedrijf product producto producten spolka przedsiebiorstwo foretag virksomhed yritys tuote resource resources environment environments queue topic channel channels folder directory document documents item items article articles ingredient ingredients menu recipe song album movie game book books location place places room rooms building asset assets account sku widget endpoint policy rule rules report reports dashboard chart key option options setting settings property properties attribute attributes type types version versions element component components layer script command action actions operation operations skill skills ";

/// Last words that say the value is about the thing, not the thing.
pub(super) const ABOUT: &str = " verified enabled type types typ count status format template optin consent required valid validated isvalid provider at date updated sent length limit policy preference preferences id ids index hint label schema regex pattern error errors message max min expires expiry expiration expirydate expirationdate expiresin issued issuedate issuedby issuer changed change reset hash hashed algorithm url uri link path file filename size tokens usage country countrycode domain kind placeholder example description title lang language encoding mode visible hidden version count2 tier code2 score flag flags sort column field confirmed primary default allowed brand network method model make color colour present missing ";

/// Keys beside which a plain `name` is a person's.
pub(super) const OF_PERSONS: &str = "gender sex age salutation maritalstatus nationality occupation jobtitle jobposition anrede geschlecht sexe sexo sesso geslacht plec kon kjonn sukupuoli pohlavi pohlavie spol nem lytis dzimums sugu cinsiyet civilite familienstand hiredate salary";

/// Keys beside which a plain `name` is no person's.
pub(super) const OF_THINGS: &str = "price sku stock quantity qty version size mimetype path host port inputschema outputschema parameters schema extension commit branch license downloads stars language repository dependencies command args image replicas namespace datatype nullable default columns rating reviews category brand barcode weight currency capacity industry website vat vatid vatnumber registrationnumber foundedin founded revenue employees uristemplate uritemplate mime bytes checksum unit units symbol population capital latitude longitude lat lng lon temperature isbn genre publisher duration track color colour cuisine gate terminal deadline duedate priority progress budget milestone sprint";

/// Keys of free text written about people.
pub(super) const NOTES: &str = "note notes comment comments remark remarks memo freetext narrative casenotes clinicalnotes progressnotes internalnotes internalnote feedback bio biography about observation observations complaint reason message messages conversation transcript chat body bemerkung bemerkungen kommentar kommentare notiz notizen anmerkung anmerkungen freitext hinweis beschwerde commentaire commentaires remarque remarques notas nota observaciones comentario comentarios osservazioni commento commenti annotazioni observacoes opmerking opmerkingen notitie notities uwagi komentarz notatki anteckning anteckningar kommentarer bemaerkning bemaerkninger merknad merknader huomautus huomautukset kommentti poznamka poznamky napomena napomene biljeske opomba opombe observatii megjegyzes megjegyzesek pastaba pastabos piezimes piezime markus markused athugasemd athugasemdir aciklama notlar бележки бележка забележка σημειωσεισ παρατηρησεισ σχολια";

/// Siblings that name what a `value` is.
pub(super) const LABELS: &str = "type label key name field fieldname fieldid system kind title question attribute property header code id slug column typ etikett libelle cle nombre clave nome chiave sleutel klucz";

/// Words for the day of what is above: `birth: {date}`.
pub(super) const WHEN: &str = "date day on when iso full timestamp datetime year datum dato data fecha dag dia tag jour giorno kuupaev datums dzien den deno paivamaara ημερομηνια дата";

/// Siblings that name the kind of a document, and say nothing about other things.
pub(super) const KINDS: &str = "category scheme class document iddocument identitydocument iddoc doc proof prooftype method art dokumentart ausweisart tipo tipodocumento tipodocumentoidentidad tipodoc soort soortdocument rodzaj rodzajdokumentu druh druhdokladu typdokladu typedocument typepiece naturepiece dokumenttyp dokumenttype asiakirjatyyppi vrsta vrstadokumenta tipdocument tipusa okmanytipus veid tegund belgetipi";
