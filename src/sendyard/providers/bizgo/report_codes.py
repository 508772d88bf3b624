"""
What BizGO reports after it took a message: delivery report codes (`reportCode`).

BizGO publishes one flat list; the series tell the channel: 22/23 SMS, LMS and MMS, 32/33 RCS at the carrier,
40-59 RCS, 60-69 Kakao, 70-79 Naver. This table holds every code that decides something by itself; for the
remaining request-format codes of RCS, Kakao and Naver (`55xxx` and the like), which all mean "the content is
not allowed", the series decides in `report_meaning`, and the wording comes with the report.

Source: https://developers.bizgo.io/api-sdk/api-reference/error-codes as of 2026-09-23; wording is the provider's.
"""

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.bizgo.codes import Group, expand

_LATER = "The handset could not be reached; a new message may work later."
_TROUBLE = "The trouble is at BizGO or a carrier, not in the message; a new message may work later."
_UNTOLD = "The carrier did not deliver it and gives no reason to act on; a new message may work later."
_NUMBER = "Ask the person for a working number."
_SLOWER = "RCS takes fewer messages a second than were sent; lower the account's rate."
_CHANNEL = "Ask BizGO whether this channel is under contract and enabled for the account."
_SENDER = "Register the sender number in the BizGO console (발신번호); senders must be registered before use in Korea."
_ROUTE = "BizGO has no route for it: ask BizGO whether the account may send this type. Trying again changes nothing."
_HOURS = "Advertising is refused at this hour: send it between 08:00 and 20:00 Korean time."
_TWICE = "The same message was sent before; nothing needs to be sent again."
_TEXT = "Change the content: see the provider's words for what is not allowed."

_CARRIER: tuple[Group, ...] = (
    (ReportStatus.DELIVERED, "", "10000 성공 : 단말기 메시지 정상 도착"),
    (
        ErrorKind.UNAVAILABLE,
        _TROUBLE,
        "23011 서버 오류 (이통사)\n23035 해당 통신사 장애 설정 으로 전송 불가\n90000 실패 : 내부구간 실패",
    ),
    (
        ErrorKind.UNDELIVERABLE,
        _LATER,
        """
22003 단말기 전원 꺼짐
22000 전송 시간 초과
22001 전송 실패 (무선망단)
22002 전송 실패 (무선망 -> 단말기단)
22004 단말기 메시지 버퍼 풀
22005 음영지역
22007 일시적인 단말 문제
23004 단말기 서비스 일시 정지
23005 단말기 호 처리 상태
23008 기타 단말기 문제
51907 만료된 메시지 입니다.
54003 자사 고객이지만, 단말기의 전원 꺼짐 혹은 네트워크 환경 사유로 RCS 메시지를 수신할 수 없습니다.
56007 RCS 세션 연결 전 만료되어 발송 실패 (삼성 에러 41007)
56101 RCS 수신 가능여부를 확인할 수 없습니다.
""",
    ),
    (ErrorKind.UNDELIVERABLE, "The handset cannot show this type; another channel can work.", "23010 MMS 미지원 단말"),
    (
        ErrorKind.UNDELIVERABLE,
        _UNTOLD,
        """
22006 메시지 삭제됨
23000 전송할 수 없음
23014 기타
23031 FAILOVER_TIMEOUTSEND 발송 안함 설정에 의해Failover 처리하지 않은 경우
99999 실패 : 알수 없는 에러
59999 기타 정의되지 않은 Error (Webhook Cancelled 메시지 등)
79999 알 수 없는 이유로 메세지가 전송되지 않았습니다.
""",
    ),
    (
        ErrorKind.INVALID_RECIPIENT,
        _NUMBER,
        """
23001 가입자 없음
23003 수신번호 형식 오류
23040 이통사 내부 처리 오류 (무효번호 스팸 차단)
52001 전화번호 형식이 일치하지 않습니다
55817 수신 번호 형식 오류
63008 전화번호 오류
71004 전화번호 패턴이 잘못되었습니다.
""",
    ),
    (
        ErrorKind.BLOCKED,
        "The recipient's contract refuses it.",
        "23006 착신 거절\n23013 서비스 거부\n23002 성인 인증 실패",
    ),
    (ErrorKind.BLOCKED, "The carrier's spam filter blocked it.", "23012 스팸"),
    (ErrorKind.BLOCKED, _HOURS, "23029 광고 전송 제한 시간 발송"),
    (ErrorKind.BLOCKED, _TWICE, "23025 24시간 이내 중복 발송"),
    (
        ErrorKind.NOT_REGISTERED,
        _SENDER,
        """
23023 국내 수신 메시지에 적용되는 발신번호가 발신번호 사전등록 번호가 아닌 경우
23018 휴대폰 가입 이동통신사를 통해 발신번호 변작 방지 부가 서비스에 가입된 번호를 발신번호로 사용하는 경우
23019 KISA에서 모든 고객사에 대하여 차단 처리 요청된 번호를 발신번호로 사용하는 경우
23036 KISA 최초 발신자 식별코드 오류로 발송 불가
23037 RCS MT Failover 발송 시,KISA 최초 발신자 식별코드 오류로 발송
""",
    ),
    (ErrorKind.UNSUPPORTED, _ROUTE, "23015 전송 경로 없음"),
    (ErrorKind.UNSUPPORTED, _CHANNEL, "23032 FAILOVER(MT) 기능 사용 불가 계정"),
    (
        ErrorKind.CONTENT_REJECTED,
        _TEXT,
        """
23022 Charset conversion error
23009 메시지 형식 오류
23016 첨부파일 사이즈 제한 실패
23030 MMS MT Failover 첨부파일 처리가 실패한 경우
23033 MT Failover Parameter Error
23034 Invalid MMS MT File Key
23041 스미싱 URL 탐지 차단(KISA X-Ray)
""",
    ),
)

_RCS: tuple[Group, ...] = (
    (
        ReportStatus.SENT,
        "Handed over; whether it arrived cannot be known. It is never sent again by itself.",
        """
41117 송신 메시지 취소 요청 처리가 실패함. 해당 메시지가 RCS 사용자에게 전달 되었는지 알 수 없음.
55821 전송 성공 불확실함 (revocation fail 등)
56003 메시지 발송은 정상 처리되었으나, 단말의 최종 수신 여부를 확인할 수 없는 상태입니다.
""",
    ),
    (
        ErrorKind.UNAVAILABLE,
        _TROUBLE,
        """
33100 통신사 재전송 시도 타임아웃
41100 RCS 서버 연결이 실패함
41101 RCS 서버 연결이 지연됨
41102 RCS 서버 요청 처리가 실패함
41103 RCS 서버 요청 처리가 지연됨
41104 RCS 메시지 처리 서비스(IM) 연결이 실패함
41105 RCS 메시지 처리 서비스(IM) 연결이 지연됨
41106 RCS 메시지 처리 서비스(IM) 요청 처리가 실패함
41107 RCS 메시지 처리 서비스(IM) 요청 처리가 지연됨
41108 RCS 메시지 처리 서비스(IM) 요청 처리 수행 중 실패함
41109 RCS 메시지 처리 서비스(IM) 내부 오류
41111 RCS 사용자 상태 서버 연결이 실패함
41112 RCS 사용자 상태 서버 연결이 지연됨
41113 RCS 사용자 상태 서버 요청이 실패함
41114 RCS 사용자 상태 서버 요청 처리가 지연됨
41115 챗봇 정보 서버 요청이 실패함
41116 챗봇 정보 서버 요청 처리가 지연됨
41118 송신 요청한 파일 메시지의 파일을 삼성전자 MaaP 서비스 저장소에 저장 실패함.
45000 Internal Server Error
45001 봇 정보 parsing 오류
45002 RCS 사용자 혹은 봇 capability parsing 오류
45003 파일 메시지(xml) parsing 오류
45004 봇/사용자 메시지 remote cache 접근 실패
45005 ChatID remote cache 접근 실패
45006 봇 정보 서버 접근을 위한 HTTP client 생성 실패
45007 챗봇 접근을 위한 HTTP client 생성 실패
51901 삼성 MaaP Gateway NB API 연동 에러
51902 삼성 MaaP Registry Chatbot API 연동 에러
51903 Capri 연동 에러
51904 Webhook 처리 불가 상태 오류가 발생했습니다.
51908 재시도 횟수 초과로 인해 메시지 전송을 실패했습니다.
52002 요청을 처리할 수 없는 상태입니다.
52016 실시간 메시지 인입 후 10초안에 삼성으로 전달되지 못함
52102 Webhook 중계 시스템 연결 오류
52103 중계사 Webhook 전송 요청을 실패 했습니다.
52104 중계사 Webhook 처리 응답 수신 오류가 발생 했습니다.
52105 Webhook 메시지 미 수신 오류가 발생 했습니다.
52106 Webhook 메시지 처리 오류가 발생 했습니다.
53004 File 저장 오류
53005 Multipart 데이터 전송 오류
54004 MaaP 시스템 혹은 RCS 프로토콜 상의 이슈로 발송 실패되었음 (삼성 에러 40001 ~ 41100, 42601)
59001 시스템 에러
59002 IO 에러 발생 /Backend(삼성 MaaP G/W) 서버 내부 에러
59003 Backend(삼성 MaaP G/W) 서버 타임 아웃 발생
59202 Backend 서버(삼성) 전송 에러
59203 Backend 서버(삼성) 전송 타임 아웃
59901 시스템이 요청을 처리할 수 없는 상태
""",
    ),
    (
        ErrorKind.UNDELIVERABLE,
        "This handset cannot show it; another channel can work.",
        """
33101 아이폰이거나, 단말 자체가 RCS를 지원하지 않는 경우
41200 RCS 가입자가 아님, 요청한 MSISDN을 사용하는 RCS 사용자가 없음
41210 RCS 사용자가 텍스트 메시지를 수신할 수 없음
41211 RCS 사용자가 파일 메시지를 수신할 수 없음
41212 RCS 사용자가 Richcard 메시지를 수신할 수 없음
41220 RCS 사용자가 Extended bot message version 1.0 항목이 포함된 메시지를 수신할 수 없음
41221 RCS 사용자가 Extended bot message version 1.1 항목이 포함된 메시지를 수신할 수 없음
41222 RCS 사용자가 Extended bot message version 1.2 항목이 포함된 메시지를 수신할 수 없음
41230 RCS 사용자가 Openrichcard version 1.0 항목이 포함된 메시지를 수신할 수 없음
41231 RCS 사용자가 Openrichcard version 1.1 항목이 포함된 메시지를 수신할 수 없음
41232 RCS 사용자가 Openrichcard version 1.2 항목이 포함된 메시지를 수신할 수 없음
41240 RCS 사용자가 위치 정보 요청 메시지를 수신할 수 없음
54001 자사 고객이 아닙니다.
54002 자사 고객이지만, RCS메시지를 수신할 수 있는 가입자가 아닙니다.
54006 RCS가입고객이지만 오픈리치카드 미지원 단말입니다.
54007 자사 고객이지만, 단말의 스펙 상 해당 메시지 유형을 수신할 수 없습니다.
""",
    ),
    (
        ErrorKind.THROTTLED,
        _SLOWER,
        """
42601 삼성전자 MaaP 서비스가 제공하는 봇 메시지 처리량을 초과함
50201 RCS 메시지 TPS가 초과되었습니다.
50010 토큰 발급 요청 허용횟수를 초과하였습니다.(SKT) 미납으로 송신 불가
""",
    ),
    (
        ErrorKind.OUT_OF_CREDIT,
        "Raise the RCS quota with BizGO.",
        "50202 RCS 메시지 Quota가 초과되었습니다.\n33123 일 메시지 발송량을 초과한 경우",
    ),
    (
        ErrorKind.UNSUPPORTED,
        _CHANNEL,
        """
40001 Authorization Header 가 누락됨
40002 접근 토큰이 누락됨
40003 접근 토큰이 유효하지 않음
40004 접근 토큰의 유효기간이 만료됨
40006 접근 토큰 내 client_id가 유효하지 않음
40007 접근 토큰 내 scope이 유효하지 않음
50001 Authorization 헤더 파라미터 누락
50002 Authorization 헤더 값 누락
50003 토큰이 일치하지 않습니다.
50004 토큰이 만료되었습니다.
50005 인증 토큰 에러
50006 요청된 계정 정보를 찾을 수 없습니다(BP ID)
50007 요청된 중계사 전송 계정을 찾을 수 없습니다(RCS ID)
50008 잘못된 패스워드
50009 접근 허용된 IP가 아닙니다
50011 중계사 상품코드 사용 권환 에러
50012 중계사 API 권환 에러
50100 메시지 전송을 할 수 없는 상태입니다. (서버의 요청 거부)
50101 권한이 없는 API 호출
51101 AgencyKey를 찾을 수 없습니다.
51102 AgencyKey가 일치하지 않습니다.
51103 BrandKey를 찾을 수 없습니다.
51104 BrandKey가 일치하지 않습니다.
51911 계약관계가 없습니다.
52098 해당 속성 접근 권한이 없음
52099 Chatbot 접근 권한이 없음
55103 BrandID에 대행 권한이 없는 AgencyID
55807 챗봇 권한 오류
55809 대행사 권한 오류
""",
    ),
    (
        ErrorKind.NOT_REGISTERED,
        _SENDER,
        """
33115 발신번호에 대해서 지정하지 않은 대행사로 발송한 경우
33122 브랜드에 등록되지 않은 발신번호를 사용한 경우
55302 BotID(발신번호)가 전화번호 형식에 맞지 않음
55303 BrandID에 존재하지 않는 BotID
55304 BrandID에 존재하지 않는 BotID
""",
    ),
    (
        ErrorKind.BLOCKED,
        "The spam filter blocked it.",
        """
42602 SPAM 메시지로 판정된 메시지를 수신하여 CDR 생성 후 응답함.
54005 스팸 필터링에 의해 차단됨
54008 무료번호 발송 차단입니다.
""",
    ),
    (
        ErrorKind.BLOCKED,
        _TWICE,
        """
33114 이통사에서 중복 메시지 발생한 경우
42514 seqID와 동일한 messageID를 가진 이전 메시지가 존재함. 중복된 메시지 전송일 가능성이 있음.
51003 중복 Key 오류
55806 같은 메시지 ID로 두번 이상 메시지 발송이 요청됨
""",
    ),
    (
        ErrorKind.CONTENT_REJECTED,
        _TEXT,
        """
33102 템플릿 발송시 header 필드 값을 1로 설정한 경우
33103 템플릿 발송시 button을 설정하여 발송한 경우
33104 header 필드값이 0(광고문구표시안함),1(광고문구표시함) 이 아닐 경우
33105 header 필드가 0(광고문구표시안함)인경우, footer에 값을 설정하는 경우
33106 header 필드가 1(광고문구표시함)인경우, footer에 값을 설정하지 않는 경우
33107 footer 에는 숫자/하이픈만 허용되며, 최대 20자까지만 허용 됨
33108 템플릿에서 description 타입의 경우, 등록 템플릿의 패턴과 일치 하지 않을 경우
33109 title 최대글자수를 초과한 경우
33110 description 최대글자수를 초과한 경우
33111 최대 버튼수를 초과한 경우
33112 messagebaseID 별 정의된 카드개수에 대해 하기 내용이 한 개라도 없는 경우
33113 최대 미디어 용량을 초과한 경우
33116 브랜드에 대한 대행사가 지정되어 있지 않는 경우
33117 메시지 유효기간에 대한 통신사 설정값이 1(40초), 2(72시간) 이 아닌 경우
33118 최대 버튼 글자수 초과한 경우
33119 정의되지 않은 버튼을 사용한 경우
33120 유효하지 않은 파일 키
33121 메세지베이스 ID가 존재하지 않는 경우
33124 messagebase의 param 부정확하거나 누락된 필수 항목이 있을 경우
33200 브랜드 정보 오류
55701 "(광고)"를 사용할 수 없음
55704 header 값과 일치 하지 않은 footer 사용 (ex. header가 0 인데, footer 가 있음)
55706 footer validation 오류 (ex. 숫자, 하이픈만 가능. 20자리)
""",
    ),
)

_KAKAO_NAVER: tuple[Group, ...] = (
    (
        ReportStatus.SENT,
        "Handed over; whether it arrived cannot be known. It is never sent again by itself.",
        """
63005 카카오( Response method REALTIME)메시지를 발송했으나 수신확인 안됨 (성공불확실)
6ME09 (카카오 Response method POLLING)사용자에게 메시지를 발송했으나 수신여부 불투명(성공불확실/비과금)
70001 메세지가 유저에게 웹으로 전송되었으나 앱 전송에는 실패하였습니다.
""",
    ),
    (
        ErrorKind.UNDELIVERABLE,
        "The recipient cannot get it through this app; a text message can work.",
        """
63019 톡 유저가 아님
63018 메시지를 전송할 수 없음
63021 카카오톡 최소 버전 미지원
73002 전화번호에 해당하는 유저가 존재하지 않습니다.
74001 유저가 정보성 알림을 받을 수 있는 상태가 아닙니다.
74004 카드승인알림에 가입하지 않은 유저입니다.
74005 카드승인알림 가입 단말기에 푸쉬가 도달하지 않았습니다.
74006 카드승인알림 가입 전화번호와 일치하지 않는 유저입니다.
""",
    ),
    (
        ErrorKind.UNAVAILABLE,
        _TROUBLE,
        """
63006 카카오 내부 시스템 오류로 메시지 전송 실패
62004 템플릿 일치 확인 시 오류 발생(내부 오류 발생)
62005 카카오 내부 시스템 오류로 이미지 정보를 읽어오는데 실패함
63000 예기치 않은 오류 발생
68999 내부 서버 오류
69998 현재 서비스를 제공하고 있지 않습니다.
69999 시스템에서 알 수 없는 문제가 발생하였습니다. 담당자가 확인 중입니다.
79051 메세지 시스템의 오류로 정보성 알림 송신이 불가합니다.
""",
    ),
    (
        ErrorKind.OUT_OF_CREDIT,
        "The account may not send at present: check its balance and state in the BizGO console.",
        "64008 계정 사용 권한 없음\n65001 (테스트 발송) 일일 발송량 초과",
    ),
    (
        ErrorKind.NOT_REGISTERED,
        "Check the Kakao channel (발신프로필) behind the sender key in the channel's own console and with BizGO.",
        """
61003 발신 프로필 키가 유효하지 않음
60162 최초 발신자 식별 코드 에러
60501 발신프로필 키가 유효하지 않거나 상담을 진행할 수 없음
61006 삭제된 발신프로필. (메시지 사업 담당자에게 문의)
61007 차단 상태의 발신프로필. (메시지 사업 담당자에게 문의)
61021 차단 상태의 카카오톡 채널 (카카오톡 채널 운영툴에서 확인)
61022 닫힘 상태의 카카오톡 채널 (카카오톡 채널 운영툴에서 확인)
61023 삭제된 카카오톡 채널 (카카오톡 채널 운영툴에서 확인)
61024 삭제대기 상태의 카카오톡 채널 (카카오톡 채널 운영툴에서 확인)
61025 채널 제재 상태로 인한 메시지 전송 실패 (카카오톡 채널 운영툴에서 확인)
61027 채널 메시지 제재 상태로 인한 메시지 전송 실패 (카카오톡 채널 운영툴에서 확인)
64104 유효한 발신프로필을 찾을 수 없음
""",
    ),
    (
        ErrorKind.UNSUPPORTED,
        _CHANNEL,
        """
64009 알림톡 서비스 사용 권한 없음 (AT(AL), AI)
60400 권한 없음
60500 인증 실패
60507 허브파트너 키가 유효하지 않음
60512 유효한 상담톡 계약이 존재하지 않음
61002 허브 파트너 키가 유효하지 않음
61011 계약정보를 찾을 수 없음. (메시지 사업 담당자에게 문의)
61014 유효하지 않은 사업자번호
61016 사업자등록번호 불일치
61028 해당 타겟팅 옵션 사용할 수 없음
64010 친구톡 서비스 사용 권한 없음 (FT, FI, FW)
71001 AgentKey나 PartnerKey가 누락되었습니다.
71006 유효하지 않은 상품에 해당하는 템플릿 발송으로 계약을 확인해야 합니다.
73001 에이전트 키에 해당하는 파트너가 매핑되어 있지 않습니다.
73003 매핑된 파트너가 존재하지 않습니다.
73006 발송 파트너 계정 상태가 비정상 상태입니다.
73007 발송 파트너 계정 상태가 비정상 상태입니다.
""",
    ),
    (
        ErrorKind.OPTED_OUT,
        "The recipient blocked this channel: do not send to it there again.",
        """
63020 알림톡 수신 차단
60511 차단된 사용자에게 메시지 전송 요청
74002 유저가 스마트알림 수신을 차단하였습니다.
74003 유저가 파트너 계정을 차단하였습니다.
""",
    ),
    (
        ErrorKind.BLOCKED,
        _HOURS,
        "63022 메시지 발송 가능한 시간이 아님(친구톡/마케팅 메시지는 08 시~ 20 시까지 발송가능)",
    ),
    (
        ErrorKind.BLOCKED,
        _TWICE,
        """
63012 메시지 일련번호가 중복됨- 메시지 일련번호는 CS처리를 위해 고유한 값이 부여되어야 함.
60504 메시지 일련번호가 중복됨
73004 이미 존재하는 메세지 키입니다.
""",
    ),
    (
        ErrorKind.CONTENT_REJECTED,
        "The message must equal the approved template; synchronise the template and send again.",
        """
63016 메시지 내용이 템플릿과 일치하지 않음
63010 Json 파싱 오류
63011 메시지가 존재하지 않음
63013 메시지가 비어 있음
63014 메시지 길이 제한 오류(템플릿별 제한 길이 또는 1000자 초과)
63015 템플릿을 찾을 수 없음
63023 메시지에 포함된 비디오를 전송할 수 없음
63024 메시지에 포함된 이미지를 전송할 수 없음
63025 변수 글자수 제한 초과
63026 상담/봇 전환 버튼 extra, event 글자수 제한 초과
63027 메시지 버튼/바로연결이 템플릿과 일치하지 않음
63028 메시지 강조 표기 타이틀이 템플릿과 일치하지 않음
63029 메시지 강조 표기 타이틀 길이 제한 초과 (50자)
63030 메시지 타입과 템플릿 강조유형이 일치하지 않음
63031 헤더가 템플릿과 일치하지 않음
63032 헤더 길이 제한 초과(16자)
63033 아이템 하이라이트가 템플릿과 일치하지 않음
63034 아이템 하이라이트 타이틀 길이 제한 초과(이미지 없는 경우 30자, 이미지 있는 경우 21자)
63035 아이템 하이라이트 디스크립션 길이 제한 초과(이미지 없는 경우 19자, 이미지 있는 경우 13자)
63036 아이템 리스트가 템플릿과 일치하지 않음
63037 아이템 리스트의 아이템의 디스크립션 길이 제한 초과(23자)
63038 아이템 요약정보가 템플릿과 일치하지 않음
63039 아이템 요약정보의 디스크립션 길이 제한 초과(14자)
63040 아이템 요약정보의 디스크립션에 허용되지 않은 문자 포함
63041 와이드 아이템 리스트 갯수 최대 최소 갯수 불일치
63042 대표링크가 템플릿과 일치하지 않음
63043 이미지 변수 개수 템플릿 불일치
63044 쿠폰 변수 템플릿 불일치
63045 커머스 정보 변수 템플릿 불일치
63046 부가 정보 최대 길이 제한 오류
63047 커머스 정보 상품명 최대 길이 제한 오류
63048 유효하지 않은 그룹태그
63050 수신동의거부 스펙 (N타입) 미지원
63051 캐러셀 아이템 리스트 갯수 최소, 최대 갯수 불일치
63052 캐러셀 아이템 메시지 길이 OVER
63053 캐러셀 템플릿 불일치
63054 캐러셀 버튼 템플릿 불일치
63055 캐러셀 쿠폰 템플릿 불일치
63056 와이드 아이템 리스트 타이틀 길이 제한 오류
63057 캐러셀 커머스 템플릿 불일치
63058 캐러셀 헤더 길이 제한 오류
64102 Template 요청 오류
64110 유효하지 않은 챗버블 타입 또는 메시지 타입 요청
""",
    ),
)

_carrier = dict(expand(_CARRIER))

# BizGO repeats its 22/23 series word for word as 32/33 for RCS.
_rcs_twins = {f"3{code[1:]}": row for code, row in _carrier.items() if code[:2] in {"22", "23"}}

REPORT_CODES = _carrier | _rcs_twins | dict(expand(_RCS)) | dict(expand(_KAKAO_NAVER))

_HANDSET_SERIES = ("22", "32")
_CONTENT_SERIES = ("42", "53", "55", "61", "71", "72")


def report_meaning(code: str) -> ErrorKind | ReportStatus:
    """
    Class of a report code: from the table, else from its series.

    A code of neither is `ReportStatus.UNMAPPED`: BizGO means a failure by it, but not one we know.
    """
    known = REPORT_CODES.get(code)
    if known is not None:
        return known.meaning
    if len(code) == 5 and code.isdigit():
        if code.startswith(_HANDSET_SERIES):
            return ErrorKind.UNDELIVERABLE
        if code.startswith(_CONTENT_SERIES):
            return ErrorKind.CONTENT_REJECTED
    return ReportStatus.UNMAPPED
